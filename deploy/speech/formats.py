# SPDX-License-Identifier: Apache-2.0
"""The answers of OpenAI's transcription API, made from faster-whisper's segments."""

# Written out because the API names languages in full, and faster-whisper knows only the codes.
LANGUAGE_NAMES = {
    "ar": "arabic", "zh": "chinese", "cs": "czech", "da": "danish", "nl": "dutch",
    "en": "english", "fi": "finnish", "fr": "french", "de": "german", "el": "greek",
    "hi": "hindi", "hu": "hungarian", "it": "italian", "ja": "japanese", "ko": "korean",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "es": "spanish", "sv": "swedish", "th": "thai", "tr": "turkish", "uk": "ukrainian",
    "vi": "vietnamese",
}
RESPONSE_FORMATS = ("json", "verbose_json", "text", "srt", "vtt")


def plain_text(segments) -> str:
    return "".join(segment.text for segment in segments).strip()


def verbose_json(segments, info, granularities) -> dict:
    answer = {
        "task": "transcribe",
        "language": LANGUAGE_NAMES.get(info.language, info.language),
        "duration": round(info.duration, 3),
        "text": plain_text(segments),
    }
    if "segment" in granularities:
        answer["segments"] = [_segment(index, s) for index, s in enumerate(segments)]
    if "word" in granularities:
        answer["words"] = [
            {"word": word.word.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}
            for segment in segments
            for word in segment.words or ()
        ]
    return answer


def _segment(index: int, segment) -> dict:
    return {
        "id": index,
        "seek": segment.seek,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def srt(segments) -> str:
    cues = (
        f"{index}\n{_clock(s.start, ',')} --> {_clock(s.end, ',')}\n{s.text.strip()}\n\n"
        for index, s in enumerate(segments, start=1)
    )
    return "".join(cues)


def vtt(segments) -> str:
    cues = (
        f"{_clock(s.start, '.')} --> {_clock(s.end, '.')}\n{s.text.strip()}\n\n" for s in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _clock(seconds: float, point: str) -> str:
    total_ms = round(seconds * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{ms // 1000:02}{point}{ms % 1000:03}"
