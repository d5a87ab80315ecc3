"""The status table of the API page: number, English text, Chinese text. One place for all of them.

The English texts are the page's, letter for letter, and clients compare them. Texts of reports and pushes are others:
they belong to the reasons in `traffic`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Status(IntEnum):
    """Status of a reply (0 and below) or of a number (`failData`, reports)."""

    BLACKLISTED = 5
    COUNTRY_ERROR = 4
    NO_CHANNEL = 3
    SEND_FAILED = 2
    SENT = 1
    SUBMITTED = 0
    AUTHENTICATION = -1
    IP_RESTRICTED = -2
    SENSITIVE_CONTENT = -3
    CONTENT_EMPTY = -4
    CONTENT_TOO_LONG = -5
    NOT_TEMPLATE = -6
    TOO_MANY_NUMBERS = -7
    NUMBER_EMPTY = -8
    NUMBER_ABNORMAL = -9
    BALANCE_INSUFFICIENT = -10
    SCHEDULE_FORMAT = -11
    PLATFORM = -12
    USER_LOCKED = -13
    QUERY_ID = -14
    TOO_FREQUENT = -15
    TIME_RANGE = -16
    TEMPLATE_EMPTY = -17
    COUNTRY_EMPTY = -18
    COUNTRY_UNKNOWN = -19

    @property
    def text(self) -> str:
        """The page's phrase."""
        return _TEXTS[self][0]

    @property
    def text_zh(self) -> str:
        """The phrase in Chinese."""
        return _TEXTS[self][1]


_TEXTS: Final[dict[Status, tuple[str, str]]] = {
    Status.BLACKLISTED: ("Blacklist restriction", "黑名单限制"),
    Status.COUNTRY_ERROR: ("Country code error", "国家代码错误"),
    Status.NO_CHANNEL: ("Channel not found", "未找到通道"),
    Status.SEND_FAILED: ("Send failed", "发送失败"),
    Status.SENT: ("Send success", "发送成功"),
    Status.SUBMITTED: ("Submit success", "提交成功"),
    Status.AUTHENTICATION: ("Authentication error", "认证错误"),
    Status.IP_RESTRICTED: ("IP access restricted", "IP访问受限"),
    Status.SENSITIVE_CONTENT: ("SMS content contains sensitive characters", "短信内容含有敏感字符"),
    Status.CONTENT_EMPTY: ("SMS content is empty", "短信内容为空"),
    Status.CONTENT_TOO_LONG: ("SMS content too long", "短信内容过长"),
    Status.NOT_TEMPLATE: (
        "Not template SMS or mainland China, Hong Kong, Macau, Taiwan direction not registered",
        "非模板短信或中国大陆、香港、澳门、台湾方向未报备",
    ),
    Status.TOO_MANY_NUMBERS: ("Too many numbers", "号码过多"),
    Status.NUMBER_EMPTY: ("Number is empty", "号码为空"),
    Status.NUMBER_ABNORMAL: ("Number abnormal", "号码异常"),
    Status.BALANCE_INSUFFICIENT: (
        "This channel balance is insufficient to meet this send",
        "该通道余额不足以满足本次发送",
    ),
    Status.SCHEDULE_FORMAT: ("Scheduled time format incorrect", "定时时间格式不正确"),
    Status.PLATFORM: (
        "Due to platform reasons, batch submission error, please contact administrator",
        "由于平台原因，批量提交出错，请联系管理员",
    ),
    Status.USER_LOCKED: ("User locked", "用户被锁定"),
    Status.QUERY_ID: ("Query ID exception", "查询ID异常"),
    Status.TOO_FREQUENT: ("Request frequency too fast", "请求频率过快"),
    Status.TIME_RANGE: ("Exceeded time range limit", "超出时间范围限制"),
    Status.TEMPLATE_EMPTY: ("SMS template cannot be empty", "短信模板不能为空"),
    Status.COUNTRY_EMPTY: ("Country code ID cannot be empty", "国家代码ID不能为空"),
    Status.COUNTRY_UNKNOWN: ("Country code ID error", "国家代码ID错误"),
}


def phrase(status: Status, language: str = "en", detail: str = "") -> str:
    """The page's phrase, with ": detail" behind it where one is given. `language` is "en" or "zh" ("zh-..." too)."""
    text = status.text_zh if language.startswith("zh") else status.text
    return f"{text}: {detail}" if detail else text
