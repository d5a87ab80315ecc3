"""`python -m bench.matching`: how long a content takes to be matched among 1,000 templates, as JSON: case, microseconds a find.

Templates of one prefix, that begin with a variable, of short Chinese literals, that differ by a number at the end; contents
that fit, that nearly fit, and of 1,024 characters that are sewn together from many templates. Imports nothing of the bench,
so that the Python of another tree can run it.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Iterator

from tocsin.content import Template, TemplateSet, parse_template

TEMPLATES = 1000
_CONTENTS, _ROUNDS = 100, 7
_TEXT = """Dear customer, your order with number was received and has left our store. It will arrive within three days, please
keep this message. Never share the code that opens your account, not even with people of our bank. Thank you for paying early"""
_WORDS = _TEXT.split()
_SIGNS = "您的验证码是请在分钟内使用订单已发货快递单号尊敬客户欢迎光临余额不足请及时充值会员积分到期"


def main() -> None:
    """Measure all cases."""
    rng = random.Random(1)
    found: dict[str, float] = {}
    for name, texts in _make_texts(rng).items():
        templates = [parse_template(text) for text in texts]
        ready = TemplateSet(enumerate(templates))
        for kind, contents in _make_contents(templates, rng):
            found[f"{name}, {kind}"] = round(statistics.median(_time_us(ready, contents) for _ in range(_ROUNDS)), 1)
    print(json.dumps(found))


def _make_texts(rng: random.Random) -> dict[str, list[str]]:
    def words(count: int) -> str:
        return " ".join(rng.choices(_WORDS, k=count))

    def signs(count: int) -> str:
        return "".join(rng.choices(_SIGNS, k=count))

    each = range(TEMPLATES)
    return {
        "one prefix": [f"[Brand] Your {words(6)} {{1}} {words(4)} {{2}}. Reply STOP" for _ in each],
        "variable first": [f"{{1}} {words(6)} {{2}} {words(5)}" for _ in each],
        "Chinese": [f"【品牌】尊敬的{{1}}，{signs(8)}{{2}}，{signs(3)}{{3}}。退订回T" for _ in each],
        "short literals": [f"{{1}}{signs(1)}{{2}}{signs(2)}{{3}}{signs(1)}" for _ in each],
        "number at the end": [f"[Brand] Hello {{1}}, your code from our shop is {{2}}, #{n}" for n in each],
    }


def _make_contents(templates: list[Template], rng: random.Random) -> Iterator[tuple[str, list[str]]]:
    def fill(template: Template) -> str:
        return template.fill([str(rng.randrange(10_000)) for _ in range(template.count)])

    fitting = [fill(template) for template in rng.sample(templates, _CONTENTS)]
    yield "fits", fitting
    yield "nearly", [content[: (at := rng.randrange(len(content)))] + "~" + content[at + 1 :] for content in fitting]
    yield "1,024 sewn", [" ".join(map(fill, rng.sample(templates, 100)))[:1024] for _ in range(_CONTENTS)]


def _time_us(ready: TemplateSet, contents: list[str]) -> float:
    began = time.perf_counter()
    for content in contents:
        ready.find(content)
    return (time.perf_counter() - began) / len(contents) * 1e6


if __name__ == "__main__":
    main()
