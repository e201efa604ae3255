"""The words of messages, in each language. Texts have parameters as `str.format` takes them."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from myscheduler.core.notifications.channels import Language
from myscheduler.core.schedule.zones import local_time
from myscheduler.messages.durations import span_words

WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.ENGLISH: {
        "began-certificate": "The certificate of {name} expires soon",
        "began-circuit": "The circuit of target {name} is open",
        "began-failing": "{name} is failing",
        "began-late": "{name} is late",
        "call": "Calls",
        "closed-certificate": "The certificate of {name} is no longer watched",
        "closed-circuit": "The circuit of target {name} is no longer watched",
        "closed-failing": "{name} is no longer watched for failures",
        "closed-late": "{name} is no longer watched for being late",
        "digest-both": "Jobs in trouble: {bad}; back to normal: {good}",
        "digest-bad": "Jobs in trouble: {bad}",
        "digest-good": "Jobs back to normal: {good}",
        "due": "Was due by",
        "ended": "Ended",
        "error": "Error",
        "expires": "Expires",
        "failures": "Failures",
        "good-revision": "Last good revision",
        "job": "Job",
        "lasted": "Lasted",
        "mixed-both": "In trouble: {bad}; back to normal: {good}",
        "mixed-bad": "In trouble: {bad}",
        "mixed-good": "Back to normal: {good}",
        "more": "and {count} more",
        "open": "Open in MyScheduler",
        "recovered-certificate": "{name} has a new certificate",
        "recovered-circuit": "Target {name} works again",
        "recovered-failing": "{name} works again",
        "recovered-late": "{name} runs again",
        "reminder-certificate": "The certificate of {name} has not been replaced",
        "reminder-circuit": "The circuit of target {name} is still open",
        "reminder-failing": "{name} is still failing",
        "reminder-late": "{name} is still late",
        "revision": "First failed with revision",
        "since": "Since",
        "source": "Declared in",
        "test": "A test of this channel: MyScheduler can reach it",
    },
    Language.JAPANESE: {
        "began-certificate": "{name} の証明書の期限が近づいています",
        "began-circuit": "ターゲット {name} への呼び出しを遮断しています",
        "began-failing": "{name} が失敗しています",
        "began-late": "{name} が予定の時刻を過ぎても実行されていません",
        "call": "呼び出し先",
        "closed-certificate": "{name} の証明書は監視の対象外になりました",
        "closed-circuit": "ターゲット {name} の遮断は監視の対象外になりました",
        "closed-failing": "{name} の失敗は監視の対象外になりました",
        "closed-late": "{name} の遅延は監視の対象外になりました",
        "digest-both": "異常なジョブ: {bad} 件、復旧したジョブ: {good} 件",
        "digest-bad": "異常なジョブ: {bad} 件",
        "digest-good": "復旧したジョブ: {good} 件",
        "due": "期限",
        "ended": "終了",
        "error": "エラー",
        "expires": "有効期限",
        "failures": "失敗回数",
        "good-revision": "最後に成功したリビジョン",
        "job": "ジョブ",
        "lasted": "継続時間",
        "mixed-both": "異常: {bad} 件、復旧: {good} 件",
        "mixed-bad": "異常: {bad} 件",
        "mixed-good": "復旧: {good} 件",
        "more": "ほか {count} 件",
        "open": "MyScheduler で開く",
        "recovered-certificate": "{name} の証明書が更新されました",
        "recovered-circuit": "ターゲット {name} が復旧しました",
        "recovered-failing": "{name} が復旧しました",
        "recovered-late": "{name} が再び実行されました",
        "reminder-certificate": "{name} の証明書はまだ更新されていません",
        "reminder-circuit": "ターゲット {name} への呼び出しを引き続き遮断しています",
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
