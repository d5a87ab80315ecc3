"""What a voice OTP says: a code digit by digit, twice, inside of a sentence; anything else as it is (contract, section 4).

Digits are written as words, with commas between them: engines read "4821" as a number, and pause at a comma.
"""

from __future__ import annotations

import unicodedata
from typing import Final, NamedTuple

_CODE_DIGITS: Final = range(3, 11)
FALLBACK_LANGUAGE: Final = "en"


class _Speech(NamedTuple):
    """sentence: with {code} twice; digits: the words for 0 to 9; pause: what stands between them."""

    sentence: str
    digits: tuple[str, ...]
    pause: str = ", "


def _speech(sentence: str, digits: str, pause: str = ", ") -> _Speech:
    return _Speech(sentence, tuple(digits.split()), pause)


# By ISO 639-1 code.
_SPEECHES: Final = {
    "en": _speech(
        "Your verification code is {code}. Once more: {code}.",
        "zero one two three four five six seven eight nine",
    ),
    "zh": _speech(
        "您的验证码是{code}。再说一遍，{code}。",
        "零 一 二 三 四 五 六 七 八 九",
        "，",
    ),
    "es": _speech(
        "Su código de verificación es {code}. Repito: {code}.",
        "cero uno dos tres cuatro cinco seis siete ocho nueve",
    ),
    "fr": _speech(
        "Votre code de vérification est {code}. Je répète : {code}.",
        "zéro un deux trois quatre cinq six sept huit neuf",
    ),
    "de": _speech(
        "Ihr Bestätigungscode lautet {code}. Ich wiederhole: {code}.",
        "null eins zwei drei vier fünf sechs sieben acht neun",
    ),
    "pt": _speech(
        "O seu código de verificação é {code}. Repetindo: {code}.",
        "zero um dois três quatro cinco seis sete oito nove",
    ),
    "it": _speech(
        "Il suo codice di verifica è {code}. Ripeto: {code}.",
        "zero uno due tre quattro cinque sei sette otto nove",
    ),
    "nl": _speech(
        "Uw verificatiecode is {code}. Ik herhaal: {code}.",
        "nul een twee drie vier vijf zes zeven acht negen",
    ),
    "pl": _speech(
        "Twój kod weryfikacyjny to {code}. Powtarzam: {code}.",
        "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć",
    ),
    "ru": _speech(
        "Ваш код подтверждения: {code}. Повторяю: {code}.",
        "ноль один два три четыре пять шесть семь восемь девять",
    ),
    "tr": _speech(
        "Doğrulama kodunuz: {code}. Tekrar ediyorum: {code}.",
        "sıfır bir iki üç dört beş altı yedi sekiz dokuz",
    ),
    "ar": _speech(
        "رمز التحقق الخاص بك هو {code}. أكرر: {code}.",
        "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة",
        "، ",
    ),
    "hi": _speech(
        "आपका सत्यापन कोड है {code}। फिर से सुनिए, {code}।",
        "शून्य एक दो तीन चार पाँच छह सात आठ नौ",
    ),
    "id": _speech(
        "Kode verifikasi Anda adalah {code}. Saya ulangi: {code}.",
        "nol satu dua tiga empat lima enam tujuh delapan sembilan",
    ),
    "ms": _speech(
        "Kod pengesahan anda ialah {code}. Saya ulangi: {code}.",
        "sifar satu dua tiga empat lima enam tujuh lapan sembilan",
    ),
    "vi": _speech(
        "Mã xác minh của bạn là {code}. Xin nhắc lại: {code}.",
        "không một hai ba bốn năm sáu bảy tám chín",
    ),
    "th": _speech(
        "รหัสยืนยันของคุณคือ {code} ขอทวนอีกครั้ง {code}",
        "ศูนย์ หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า",
    ),
    "ja": _speech(
        "認証コードは、{code}、です。繰り返します。{code}、です。",
        "ゼロ いち に さん よん ご ろく なな はち きゅう",
        "、",
    ),
    "ko": _speech(
        "인증번호는 {code} 입니다. 다시 말씀드립니다. {code} 입니다.",
        "공 일 이 삼 사 오 육 칠 팔 구",
    ),
}

# Where one of these languages is understood by nearly everybody. India, Canada, Switzerland and others, where none is or
# where English serves, take the account's language.
_COUNTRIES: Final = {
    "en": "US GB IE AU NZ JM TT BS BB GY BZ NG GH KE ZA ZW ZM UG SL LR GM MW BW NA PH SG FJ PG MT GI GG JE IM",
    "zh": "CN HK MO TW",
    "es": "ES MX AR CO CL PE VE EC BO PY UY CR PA GT HN SV NI DO CU PR GQ",
    "fr": "FR MC SN CI ML BF NE TG BJ GA CG CD CM GN TD CF DJ GP MQ GF RE YT NC PF",
    "de": "DE AT LI",
    "pt": "PT BR AO MZ CV GW ST",
    "it": "IT SM VA",
    "nl": "NL SR",
    "pl": "PL",
    "ru": "RU BY KZ KG",
    "tr": "TR",
    "ar": "SA AE QA KW BH OM YE IQ JO SY LB EG SD LY TN DZ MA MR PS",
    "id": "ID",
    "ms": "MY BN",
    "vi": "VN",
    "th": "TH",
    "ja": "JP",
    "ko": "KR KP",
}
_LANGUAGES: Final = {iso: language for language, isos in _COUNTRIES.items() for iso in isos.split()}


def language_of_country(iso: str, account_language: str) -> str:
    """The language (ISO 639-1) that a call to a country speaks: the country's, else the account's, else English."""
    account = account_language.replace("_", "-").partition("-")[0].lower()
    return _LANGUAGES.get(iso.upper()) or (account if account in _SPEECHES else FALLBACK_LANGUAGE)


def speak_otp(content: str, language: str) -> str:
    """What the call says: 3 to 10 digits in a sentence of the language (English for an unknown one), else the content."""
    code = content.strip()
    if not code.isdecimal() or len(code) not in _CODE_DIGITS:
        return content
    speech = _SPEECHES.get(language) or _SPEECHES[FALLBACK_LANGUAGE]
    spoken = speech.pause.join(speech.digits[unicodedata.decimal(digit)] for digit in code)
    return speech.sentence.format(code=spoken)
