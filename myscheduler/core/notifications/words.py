"""The words of messages, in each language. Texts have parameters as `str.format` takes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from myscheduler.core.notifications.channels import Language
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.durations import span_words

WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.ENGLISH: {
        "began-failing": "{name} is failing",
        "began-late": "{name} is late",
        "call": "Calls",
        "closed-failing": "{name} is no longer watched for failures",
        "closed-late": "{name} is no longer watched for being late",
        "digest-both": "Jobs in trouble: {bad}; back to normal: {good}",
        "digest-bad": "Jobs in trouble: {bad}",
        "digest-good": "Jobs back to normal: {good}",
        "due": "Was due by",
        "ended": "Ended",
        "error": "Error",
        "failures": "Failures",
        "good-revision": "Last good revision",
        "job": "Job",
        "lasted": "Lasted",
        "more": "and {count} more",
        "open": "Open in MyScheduler",
        "recovered-failing": "{name} works again",
        "recovered-late": "{name} runs again",
        "reminder-failing": "{name} is still failing",
        "reminder-late": "{name} is still late",
        "revision": "First failed with revision",
        "since": "Since",
        "source": "Declared in",
        "test": "A test of this channel: MyScheduler can reach it",
    },
    Language.JAPANESE: {
        "began-failing": "{name} が失敗しています",
        "began-late": "{name} が予定の時刻を過ぎても実行されていません",
        "call": "呼び出し先",
        "closed-failing": "{name} の失敗は監視の対象外になりました",
        "closed-late": "{name} の遅延は監視の対象外になりました",
        "digest-both": "異常なジョブ: {bad} 件、復旧したジョブ: {good} 件",
        "digest-bad": "異常なジョブ: {bad} 件",
        "digest-good": "復旧したジョブ: {good} 件",
        "due": "期限",
        "ended": "終了",
        "error": "エラー",
        "failures": "失敗回数",
        "good-revision": "最後に成功したリビジョン",
        "job": "ジョブ",
        "lasted": "継続時間",
        "more": "ほか {count} 件",
        "open": "MyScheduler で開く",
        "recovered-failing": "{name} が復旧しました",
        "recovered-late": "{name} が再び実行されました",
        "reminder-failing": "{name} は引き続き失敗しています",
        "reminder-late": "{name} は引き続き実行されていません",
        "revision": "最初に失敗したリビジョン",
        "since": "開始",
        "source": "宣言の場所",
        "test": "このチャネルのテストです。MyScheduler から届きました",
    },
}
_UNITS = {"d": "日", "h": "時間", "min": "分", "s": "秒"}


def said_in(language: Language, key: str, **params: object) -> str:
    return WORDS[language][key].format(**params)


def time_text(moment: datetime, zone: str) -> str:
    """Such as `2026-12-01 09:00:00 (Asia/Tokyo)`; the same in each language."""
    return f"{local_time(moment, zone):%Y-%m-%d %H:%M:%S} ({zone})"


def span_text(span: timedelta, language: Language) -> str:
    words = span_words(span)
    if language is Language.JAPANESE:
        return " ".join(_UNITS.get(word, word) for word in words.split())
    return words
