"""A source of your own: the log of a shop's chats.

A line is `2026-03-01 09:14 customer/complaint: The kettle arrived broken.`; what a customer says has a mood, what a clerk says
has none. 自定义来源：读取商店的聊天记录，每行一句话，顾客的话带有情绪标签。
"""

import re
from pathlib import Path

LINE = re.compile(r"(?P<day>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d) (?P<speaker>\w+)(/(?P<mood>\w+))?: (?P<said>.+)")


def messages(options, place):
    """What one side said, a record a message. `options["speaker"]` is customer or clerk; `place` is the folder of the logs."""
    for log in sorted(Path(place).glob("*.log")):
        for number, line in enumerate(log.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            found = LINE.fullmatch(line)
            if found is None:
                yield {"error": f"no time and speaker in {line!r}", "where": f"{log.name}:{number}"}
            elif found["speaker"] == options["speaker"]:
                yield {
                    "text": found["said"],
                    "label": found["mood"],
                    "created": f"{found['day']}T{found['time']}",
                    "meta": {"log": log.name, "line": number},
                }
