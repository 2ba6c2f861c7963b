// SPDX-License-Identifier: Apache-2.0
// Parses and lints an AsyncAPI document with AsyncAPI's own parser, which is installed in FOLDER:
// lint.mjs FOLDER PAGE. Prints what is wrong, one a line, and exits 1 if anything is.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, page] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(page, 'utf8'), {
  source: page,
});
for (const { code, message, path } of diagnostics) {
  console.log(`${code}: ${path.join('.')}: ${message}`);
}
process.exit(document && diagnostics.length === 0 ? 0 : 1);
