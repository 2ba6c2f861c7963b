# SPDX-License-Identifier: Apache-2.0
"""A local speech server with the shape of OpenAI's transcription API, over faster-whisper.

It is a peer for the demo and the tests: chunkscribe speaks to it as it speaks to any provider. The
model is loaded once; requests wait for one of a few threads, because more would only share the
same cores.
"""

import argparse
import hmac
import os
import time
from functools import partial

import anyio
import av
import uvicorn
from faster_whisper import WhisperModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

import formats

MAX_FILE_BYTES = 25 * 1024 * 1024  # OpenAI's own limit
FORM_OVERHEAD_BYTES = 64 * 1024
BEAM_SIZE = 5
FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class ApiError(Exception):
    """An answer in the shape of OpenAI's errors."""

    def __init__(self, status: int, message: str, param: str | None = None,
                 code: str | None = None):
        super().__init__(message)
        self.status = status
        self.body = {
            "error": {
                "message": message,
                "type": "server_error" if status >= 500 else "invalid_request_error",
                "param": param,
                "code": code,
            }
        }


class SpeechServer:
    """The model, its name, and the threads that may use it."""

    def __init__(self, model: WhisperModel, name: str, key: str | None, concurrency: int):
        self._model = model
        self._name = name
        self._key = key
        self._slots = anyio.CapacityLimiter(concurrency)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/audio/transcriptions", self.transcriptions, methods=["POST"]),
                Route("/v1/models", self.models, methods=["GET"]),
            ],
            exception_handlers={ApiError: _on_api_error, HTTPException: _on_http_error},
        )

    async def models(self, request: Request) -> JSONResponse:
        self._check_key(request)
        model = {"id": self._name, "object": "model", "created": 0, "owned_by": "local"}
        return JSONResponse({"object": "list", "data": [model]})

    async def transcriptions(self, request: Request):
        self._check_key(request)
        _check_length(request)
        async with request.form(max_files=1, max_fields=20) as form:
            options = self._options(form)
            upload = form["file"]
            if upload.size > MAX_FILE_BYTES:
                raise _too_large(upload.size)
            began = time.monotonic()
            async with self._slots:
                if await request.is_disconnected():
                    return PlainTextResponse("", status_code=499)
                work = partial(self._transcribe, upload.file, options)
                segments, info = await anyio.to_thread.run_sync(work)
        answer = _answer(segments, info, options)
        answer.headers["openai-processing-ms"] = str(round((time.monotonic() - began) * 1000))
        return answer

    def _transcribe(self, audio, options: dict):
        try:
            segments, info = self._model.transcribe(
                audio,
                language=options["language"],
                initial_prompt=options["prompt"],
                temperature=options["temperatures"],
                beam_size=BEAM_SIZE,
                word_timestamps="word" in options["granularities"],
            )
            return list(segments), info
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            # IndexError: a container without an audio stream.
            raise ApiError(400, f"The audio file could not be decoded: {error}", "file") from error

    def _check_key(self, request: Request) -> None:
        if self._key is None:
            return
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._key.encode()):
            raise ApiError(401, "Incorrect API key provided.", code="invalid_api_key")

    def _options(self, form) -> dict:
        if not hasattr(form.get("file"), "file"):
            raise ApiError(400, "Missing required parameter: 'file'.", "file")
        if form.get("model") != self._name:
            raise ApiError(404, f"The model {form.get('model')!r} does not exist; this server has "
                           f"{self._name!r}.", "model", "model_not_found")
        response_format = form.get("response_format", "json")
        if response_format not in formats.RESPONSE_FORMATS:
            raise ApiError(400, f"response_format must be one of {formats.RESPONSE_FORMATS}.",
                           "response_format")
        language = form.get("language") or None
        if language is not None and language not in self._model.supported_languages:
            raise ApiError(400, f"language {language!r} is not one that {self._name!r} knows.",
                           "language")
        return {
            "format": response_format,
            "language": language,
            "prompt": form.get("prompt") or None,
            "temperatures": _temperatures(form.get("temperature", "0")),
            "granularities": _granularities(form, response_format),
        }


def _check_length(request: Request) -> None:
    """Refuses a body that is too large before it is read."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise ApiError(411, "Content-Length is required.")
    if int(length) > MAX_FILE_BYTES + FORM_OVERHEAD_BYTES:
        raise _too_large(int(length))


def _too_large(size: int) -> ApiError:
    return ApiError(413, f"Maximum content size limit ({MAX_FILE_BYTES}) exceeded ({size} bytes "
                    "read)", "file")


def _temperatures(text: str):
    """0 lets the model raise the temperature by itself where it decodes badly, as the API says."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 1.0:
        raise ApiError(400, "temperature must be a number between 0 and 1.", "temperature")
    return FALLBACK_TEMPERATURES if value == 0.0 else (value,)


def _granularities(form, response_format: str) -> set[str]:
    asked = set(form.getlist("timestamp_granularities[]"))
    if not asked <= {"word", "segment"}:
        raise ApiError(400, "timestamp_granularities[] may be 'word' or 'segment'.",
                       "timestamp_granularities[]")
    if asked and response_format != "verbose_json":
        raise ApiError(400, "timestamp_granularities[] needs response_format verbose_json.",
                       "timestamp_granularities[]")
    return asked or {"segment"}


def _answer(segments, info, options: dict):
    text = formats.plain_text(segments)
    match options["format"]:
        case "json":
            return JSONResponse({"text": text})
        case "verbose_json":
            return JSONResponse(formats.verbose_json(segments, info, options["granularities"]))
        case "srt":
            return PlainTextResponse(formats.srt(segments))
        case "vtt":
            return PlainTextResponse(formats.vtt(segments))
        case _:
            return PlainTextResponse(text + "\n")


async def _on_api_error(_request: Request, error: ApiError) -> JSONResponse:
    return JSONResponse(error.body, status_code=error.status)


async def _on_http_error(_request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse(ApiError(error.status_code, error.detail).body, error.status_code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model-dir", required=True, help="a CTranslate2 Whisper model")
    parser.add_argument("--model-name", required=True, help="the name that clients ask for")
    parser.add_argument("--concurrency", type=int, default=1, help="requests decoded at once")
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    model = WhisperModel(
        args.model_dir,
        device="cpu",
        compute_type="int8",
        cpu_threads=max(1, cores // args.concurrency),
        num_workers=args.concurrency,
    )
    server = SpeechServer(model, args.model_name, os.environ.get("SPEECH_API_KEY"),
                          args.concurrency)
    uvicorn.run(server.app(), host="127.0.0.1", port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
