# SPDX-License-Identifier: Apache-2.0
"""One JSON object a line: what every benchmark prints."""

import json
import os


def report(bench: str, metric: str, value: float, unit: str, rounds: int, peer: str | None = None,
           peer_value: float | None = None) -> None:
    ratio = value / peer_value if peer_value else None
    print(json.dumps({"bench": bench, "metric": metric, "value": round(value, 3), "unit": unit,
                      "peer": peer, "peer_value": peer_value and round(peer_value, 3),
                      "ratio": ratio and round(ratio, 3), "rounds": rounds,
                      "load": round(os.getloadavg()[0], 2)}), flush=True)
