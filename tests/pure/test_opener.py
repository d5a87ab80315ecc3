"""Who opened an email, by User-Agents as they are seen in the wild."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import Asked, Machine, Opener, read_opener

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0.0.0 Safari/537.36"


def android(model: str, form: str = " Mobile") -> str:
    return f"Mozilla/5.0 (Linux; Android 14; {model}) {WEBKIT} Chrome/126.0.0.0{form} Safari/537.36"


def test_the_example_of_the_page() -> None:
    assert read_opener(IPHONE) == Opener("Phone", "Apple", None)
    assert not read_opener(IPHONE).is_machine


@pytest.mark.parametrize(
    ("user_agent", "device_type", "device_name"),
    [
        (IPHONE.replace("iPhone; CPU iPhone", "iPad; CPU"), "Tablet", "Apple"),
        ("Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5 like Mac OS X) Mobile", "Phone", "Apple"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
            "Desktop",
            "Apple",
        ),
        ("Outlook-iOS/2.0", "Phone", "Apple"),
        (CHROME, "Desktop", "Windows"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17628; Pro)", "Desktop", "Windows"),
        (
            "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Trident/7.0; Microsoft Outlook 16.0)",
            "Desktop",
            "Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.0", "Desktop", "Linux"),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/126.0.0.0 Safari/537.36", "Desktop", "Chrome OS"),
        (android("SM-S918B"), "Phone", "Samsung"),
        (android("SM-X710", ""), "Tablet", "Samsung"),
        (android("Redmi Note 11"), "Phone", "Xiaomi"),
        (android("Pixel 8"), "Phone", "Google"),
        (android("CUBOT NOTE 20"), "Phone", "Cubot"),
        (android("K"), "Phone", "Android"),
        (android("K", ""), "Tablet", "Android"),
        (
            "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 Silk/108 like Chrome/108 Safari/537.36",
            "Tablet",
            "Amazon",
        ),
        ("Outlook-Android/2.0", "Phone", "Android"),
        ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UD1A)", "Phone", "Google"),
        (android("HarmonyOS; NOH-AN00; HMSCore 6.12"), "Phone", "Huawei"),
        (
            f"Mozilla/5.0 (Phone; OpenHarmony 5.0) {WEBKIT} Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1 Mobile",
            "Phone",
            "Huawei",
        ),
        ("Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) Mobile Edge/15", "Phone", "Nokia"),
        ("something else", "", ""),
    ],
)
def test_devices(user_agent: str, device_type: str, device_name: str) -> None:
    assert read_opener(user_agent) == Opener(device_type, device_name, None)


@pytest.mark.parametrize(
    ("user_agent", "machine"),
    [
        ("Mozilla/5.0", Machine.PRIVACY_PROXY),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            Machine.IMAGE_PROXY,
        ),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", Machine.IMAGE_PROXY),
        ("Barracuda Sentinel (EE)", Machine.SCANNER),
        (CHROME + " Proofpoint", Machine.SCANNER),
        ("Mimecast URL Protect", Machine.SCANNER),
        ("Microsoft Office Existence Discovery", Machine.SCANNER),
        ("", Machine.BOT),
        ("  ", Machine.BOT),
        ("curl/8.5.0", Machine.BOT),
        ("python-requests/2.31", Machine.BOT),
        ("Go-http-client/1.1", Machine.BOT),
        ("Java/17.0.2", Machine.BOT),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Machine.BOT),
        ("facebookexternalhit/1.1", Machine.BOT),
        ("SkypeUriPreview Preview/0.5", Machine.BOT),
        (CHROME.replace("Chrome", "HeadlessChrome"), Machine.BOT),
    ],
)
def test_machines_by_what_they_say(user_agent: str, machine: Machine) -> None:
    assert read_opener(user_agent) == Opener("", "", machine)
    assert read_opener(user_agent).is_machine


@pytest.mark.parametrize(
    ("asked", "machine"),
    [
        (Asked(method="HEAD"), Machine.HEAD),
        (Asked(purpose="prefetch;prerender"), Machine.PREFETCH),
        (Asked(purpose="preview"), Machine.PREFETCH),
        (Asked(host="mx1.eu.pphosted.com"), Machine.SCANNER),
        (Asked(host="mail-ab.protection.outlook.com."), Machine.SCANNER),
        (Asked(host="barracuda.com.example.org"), None),
        (Asked(host="notmimecast.com"), None),
        (Asked(ip="17.58.0.1"), Machine.PRIVACY_PROXY),
        (Asked(ip="::ffff:17.58.0.1"), Machine.PRIVACY_PROXY),
        (Asked(ip="17.58.0.1", clicked_after_s=60), None),
        (Asked(ip="17.x"), None),
        (Asked(ip="171.1.1.1"), None),
        (Asked(clicked_after_s=1.9), Machine.TOO_SOON),
        (Asked(clicked_after_s=2.0), None),
        (Asked(), None),
    ],
)
def test_machines_by_how_they_ask(asked: Asked, machine: Machine | None) -> None:
    assert read_opener(IPHONE, asked) == (
        Opener("Phone", "Apple", None) if machine is None else Opener("", "", machine)
    )


def test_what_an_agent_says_goes_before_how_it_asks() -> None:
    assert read_opener("curl/8.5.0", Asked(method="HEAD", clicked_after_s=0)).machine is Machine.BOT


@given(st.text(max_size=700), st.text(max_size=40), st.text(max_size=40))
def test_no_text_is_a_fault(user_agent: str, ip: str, host: str) -> None:
    opener = read_opener(user_agent, Asked(ip=ip, host=host))
    assert opener.device_type in {"Phone", "Tablet", "Desktop", ""}
    assert opener.machine is None or (opener.device_type, opener.device_name) == ("", "")
    assert read_opener(user_agent[:512] + "x" * 100_000, Asked(ip=ip, host=host)).device_type in {
        "Phone",
        "Tablet",
        "Desktop",
        "",
    }


def test_only_the_beginning_is_read() -> None:
    assert read_opener(IPHONE.ljust(512, " ") + "curl") == read_opener(IPHONE)
