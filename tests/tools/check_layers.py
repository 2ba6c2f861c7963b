#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom, and that nothing public is used by nobody.

    base <- service <- clients <- {gateway, worker, assembler}

Within common each module stands in one layer and includes only its own and lower ones; daemons
include common and themselves; pure modules decide and do no I/O: they call nothing that isn't pure
and get no library of the network, the database or the media, not even through another header. A
public function that no other file uses should be static; one that nothing uses at all should not
exist.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import checker

DAEMONS = ("gateway", "worker", "assembler")
FOLDERS = ("common", *DAEMONS)

# A file belongs to the module named here that is the longest prefix of its name up to a "_" or the
# end: "config" holds config.c, config_own.h and config_print.c.
LAYERS = {
    "base": "attrs backoff buf chunk_layout clock coverage err fault_point ids json_text jsonread "
    "mem public_address reading seam spelling utf8 webhook_url word_match",
    "service": "config log loop metrics ops_http pool process_metrics service",
    "clients": "blob blob_file event http_fetch kafka kafka_record pg sign webhook_sign",
}
LAYER_ORDER = ("base", "service", "clients")

# Modules of common above base that are pure all the same: plain values and their codecs.
PURE_IN_COMMON = ("config_value event kafka_partitions kafka_record kafka_stats sign "
                  "webhook_sign").split()

# sse_event counts references and media_source reads files that are open already: as good as pure
# for those who only look at what they hold.
PURE = {
    "gateway": "access caption caption_format complete_request http_dispatch http_guard http_head "
    "http_method http_negotiate http_parser http_range http_reply http_text idempotency_key "
    "init_request job_plan jobs_query known_names media_formats problem progress_view query_fields "
    "rate_limit refusal request_fields retry_request router share_request sse_event sse_format "
    "sse_queue sse_turns stream_cursor transcript_request transcript_writer",
    "worker": "decoder_stream fair_queue hearing hearing_rules language llm_align llm_guard "
    "llm_language llm_message llm_pieces llm_units media_adts media_bytes media_ebml media_flac "
    "media_flac_frame media_framer media_header media_matroska media_matroska_block "
    "media_matroska_track media_mp3 media_mp4 media_mp4_box media_mp4_entry media_mp4_fragment "
    "media_mp4_table media_mp4_track media_mpeg media_ogg media_ogg_page "
    "media_ogg_stream media_opus media_source media_track media_vorbis media_walk media_wav "
    "plain_text retry_policy silence sound_map spectrum speech_align speech_hold speech_reply "
    "stop_list task watermark webhook_outcome window_cover window_cutter window_join word_loop "
    "work_item",
    "assembler": "assembly blob_deletion coverage_book gap job job_event job_state letter "
    "post_process rewind seam_record sql_rows start_tally task_answer task_kind webhook_delivery",
}

# Headers of libraries that do I/O or touch foreign media. json-c, OpenSSL's digests and llhttp
# only compute.
IO_LIBRARIES = re.compile(
    r"^(event2/|curl/|librdkafka/|libpq-fe\.h|libav|libsw|seccomp\.h|sys/socket\.h|sys/epoll\.h)"
)

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'')
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
WORD = re.compile(r"[A-Za-z_]\w*")
ATTRIBUTE = re.compile(
    r"\b(?:FREED_BY|PRINTF_LIKE|MUST_CHECK|NO_RETURN|UNUSED)\b\s*(?:\([^()]*\))?"
)


@dataclass
class Source:
    path: str
    text: str
    own: list[str] = field(default_factory=list)  # "common/log.h"
    foreign: list[str] = field(default_factory=list)  # "event2/event.h"
    words: set[str] = field(default_factory=set)
    macro_words: set[str] = field(default_factory=set)  # in #define lines

    @property
    def folder(self) -> str:
        return self.path.split("/")[0]

    @property
    def stem(self) -> str:
        return Path(self.path).stem


def read_source(root: Path, path: Path) -> Source:
    text = COMMENT.sub(" ", path.read_text(encoding="utf-8"))
    source = Source(path.relative_to(root).as_posix(), text)
    for bracket, name in INCLUDE.findall(text):
        (source.own if bracket == '"' else source.foreign).append(name)
    source.words = set(WORD.findall(STRING.sub('""', text)))
    source.macro_words = set(WORD.findall(" ".join(DIRECTIVE.findall(text))))
    return source


def read_tree(root: Path) -> dict[str, Source]:
    paths = [path for folder in (*FOLDERS, "tests") for path in (root / folder).rglob("*.[ch]")]
    sources = [read_source(root, path) for path in sorted(paths)]
    return {source.path: source for source in sources}


def module_of(stem: str, names: dict[str, str]) -> str | None:
    """The longest known name that the stem is, or begins with before a "_"."""
    fitting = [name for name in names if stem == name or stem.startswith(name + "_")]
    return max(fitting, key=len, default=None)


MODULE_LAYERS = {name: layer for layer, names in LAYERS.items() for name in names.split()}


def layer_of(stem: str) -> str | None:
    module = module_of(stem, MODULE_LAYERS)
    return MODULE_LAYERS[module] if module else None


def is_pure(source: Source) -> bool:
    if source.folder == "common":
        module = module_of(source.stem, dict.fromkeys(PURE_IN_COMMON, ""))
        return layer_of(source.stem) == "base" or module is not None
    return source.stem in PURE.get(source.folder, "").split()


def check_folders(source: Source) -> list[str]:
    allowed = {"common"} if source.folder == "common" else {"common", source.folder}
    return [
        f"{source.path}: includes {name}, but {source.folder} may include only "
        + " and ".join(sorted(allowed))
        for name in source.own
        if name.split("/")[0] not in allowed
    ]


def check_layer(source: Source) -> list[str]:
    layer = layer_of(source.stem)
    if layer is None:
        return [f"{source.path}: stands in no layer; give it one in LAYERS of check_layers.py"]
    wrong = []
    for name in source.own:
        other = layer_of(Path(name).stem)
        if other and LAYER_ORDER.index(other) > LAYER_ORDER.index(layer):
            wrong.append(f"{source.path}: {layer} includes {name} of {other}")
    return wrong


def reach(source: Source, sources: dict[str, Source]) -> list[tuple[Source, str]]:
    """Every file that including this one brings in, with the way there."""
    reached, seen, waiting = [], {source.path}, [(name, name) for name in source.own]
    while waiting:
        path, chain = waiting.pop()
        if path in seen or path not in sources:
            continue
        seen.add(path)
        reached.append((sources[path], chain))
        waiting += [(name, f"{chain} -> {name}") for name in sources[path].own]
    return reached


def check_pure(source: Source, sources: dict[str, Source]) -> list[str]:
    """A pure file may see the plain values of another's header, but neither call what isn't pure
    nor get an I/O library, not even through a header of its own side."""
    wrong = [f"{source.path}: is pure but includes <{name}>" for name in io_libraries(source)]
    for other, chain in reach(source, sources):
        wrong += [f"{source.path}: is pure but gets <{n}> by {chain}" for n in io_libraries(other)]
        if not is_pure(other):
            wrong += [
                f"{source.path}: is pure but uses {name}() of {other.path}"
                for name in public_functions(other)
                if name in source.words
            ]
    return wrong


def io_libraries(source: Source) -> list[str]:
    return [name for name in source.foreign if IO_LIBRARIES.match(name)]


def check_missing_names(sources: dict[str, Source]) -> list[str]:
    """A name in the tables that no file has any more would silently check nothing."""
    stems = {(source.folder, source.stem) for source in sources.values()}
    pure = [(folder, name) for folder, names in PURE.items() for name in names.split()]
    layered = [("common", name) for name in (*MODULE_LAYERS, *PURE_IN_COMMON)]
    return [
        f"check_layers.py names {folder}/{name}, but there is no such file"
        for folder, name in pure + layered
        if not any(f == folder and (s == name or s.startswith(name + "_")) for f, s in stems)
    ]


def public_functions(header: Source) -> list[str]:
    """Names of the functions that a header declares (not of those it defines inline)."""
    text = ATTRIBUTE.sub(" ", DIRECTIVE.sub(" ", header.text))
    while True:  # bodies of structs, enums and inline functions, from the inside out
        text, count = re.subn(r"\{[^{}]*\}", " BODY ", text)
        if count == 0:
            break
    names = []
    for statement in text.split(";"):
        statement = statement.strip()
        match = re.match(r"[^()]*?\b([a-z]\w*)\s*\(", statement)
        if match and not re.search(r"\b(typedef|static|BODY|static_assert)\b", statement):
            names.append(match.group(1))
    return names


def definition(name: str) -> re.Pattern[str]:
    return re.compile(rf"^\w[^;(){{}}=]*\b{name}\s*\([^;{{]*\)\s*\{{", re.MULTILINE)


def check_public(header: Source, sources: dict[str, Source]) -> list[str]:
    wrong = []
    for name in public_functions(header):
        users = [s for s in sources.values() if name in s.words and s.path != header.path]
        definers = [s for s in users if s.path.endswith(".c") and definition(name).search(s.text)]
        if not definers:
            wrong.append(f"{header.path}: {name}() is declared but defined nowhere")
        elif len(users) == len(definers) and name not in header.macro_words:
            wrong.append(f"{header.path}: {name}() is used by no other file")
    return wrong


def check(root: Path) -> list[str]:
    sources = read_tree(root)
    wrong = check_missing_names(sources)
    for source in sources.values():
        if source.folder not in FOLDERS:
            continue
        wrong += check_folders(source)
        if source.folder == "common":
            wrong += check_layer(source)
        if is_pure(source):
            wrong += check_pure(source, sources)
        if source.path.endswith(".h"):
            wrong += check_public(source, sources)
    return wrong


if __name__ == "__main__":
    checker.main(check)
