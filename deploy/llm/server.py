# SPDX-License-Identifier: Apache-2.0
"""A local language model behind llama.cpp's own OpenAI-compatible HTTP server.

It is a peer for the demo and the tests: chunkscribe speaks to it as it speaks to any provider. The
model is small: it keeps a text and mends little.
"""

import argparse
import os
import signal

import xllamacpp

CONTEXT_TOKENS = 4096  # of each request: a piece of text, twice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True, help="a GGUF file")
    parser.add_argument("--model-name", required=True, help="what clients call it")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--parallel", type=int, default=1, help="requests at the same time")
    args = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.model_alias = {args.model_name}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.api_keys = [os.environ["LLM_API_KEY"]]
    params.n_parallel = args.parallel
    params.n_ctx = CONTEXT_TOKENS * args.parallel
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    server = xllamacpp.Server(params)  # serves from threads of its own
    print(server.listening_address, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
