"""The page's status table: the English is copied here from the page, line for line."""

from __future__ import annotations

from tocsin.content import Status, phrase

PAGE = (
    "5:Blacklist restriction 4:Country code error 3:Channel not found 2:Send failed 1:Send success 0:Submit "
    "success -1:Authentication error -2:IP access restricted -3:SMS content contains sensitive characters -4:SMS "
    "content is empty -5:SMS content too long -6:Not template SMS or mainland China, Hong Kong, Macau, Taiwan "
    "direction not registered -7:Too many numbers -8:Number is empty -9:Number abnormal -10:This channel balance "
    "is insufficient to meet this send -11:Scheduled time format incorrect -12:Due to platform reasons, batch "
    "submission error, please contact administrator -13:User locked -14:Query ID exception -15:Request frequency "
    "too fast -16:Exceeded time range limit -17:SMS template cannot be empty -18:Country code ID cannot be empty "
    "-19:Country code ID error"
)


def test_the_table_is_the_pages() -> None:
    mine = " ".join(f"{status.value}:{status.text}" for status in sorted(Status, reverse=True))
    assert mine == PAGE


def test_each_has_a_chinese_text_of_its_own() -> None:
    assert len({status.text_zh for status in Status}) == len(Status) == 25
    assert all(any("\u4e00" <= char <= "\u9fff" for char in status.text_zh) for status in Status)


def test_a_status_is_its_number() -> None:
    assert Status(-9) is Status.NUMBER_ABNORMAL
    assert int(Status.SUBMITTED) == 0
    assert f"{Status.BALANCE_INSUFFICIENT:d}" == "-10"


def test_phrase() -> None:
    assert phrase(Status.NUMBER_ABNORMAL) == "Number abnormal"
    assert phrase(Status.NUMBER_ABNORMAL, "en", "duplicate") == "Number abnormal: duplicate"
    assert phrase(Status.NUMBER_ABNORMAL, "zh") == "号码异常"
    assert phrase(Status.NUMBER_ABNORMAL, "zh-CN", "duplicate") == "号码异常: duplicate"
