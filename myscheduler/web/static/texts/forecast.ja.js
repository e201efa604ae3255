// 予測の日本語の文。

/** @type {typeof import("./forecast.en.js").text} */
export const text = {
  "forecast.advice": "効果のあるジッター",
  "forecast.again": "同じ状況: {times}{more}",
  "forecast.by": "{jobs}件のジョブによる{starts}件の実行",
  "forecast.counting": "これからの実行を数えています…",
  "forecast.days": "対象期間",
  "forecast.empty": "予定されている呼び出しはありません",
  "forecast.empty-text": "この期間に実行されるジョブはありません。一時停止中のジョブは含みません。",
  "forecast.hosts": "ホスト",
  "forecast.jitter": "{jobs}件のジョブに{jitter}のジッターを設定すると、最も混む1分間の実行は{peak}件から{leaves}件に減ります。マニフェストに次の行を追加してください:",
  "forecast.jitter-short": "{jitter}で最大{leaves}件/分",
  "forecast.jobs": "ジョブ",
  "forecast.n-days": (values) => `${values.count}日間`,
  "forecast.no-worst": "この時間帯に、最も混む1分間はありません。",
  "forecast.peak": "最大(1分間)",
  "forecast.question": "{host} の呼び出しが集中する時間帯(日・時間ごとの、1分間の最大実行数)",
  "forecast.what": "登録済みのジョブについて、これからの実行を予測します。日付と時刻はサービスのタイムゾーンです。時間帯を選ぶと、最も混む1分間を確認できます。",
  "forecast.worst": "最も混む1分間",
  "forecast.worst-of": "最も混む1分間({hour})",
  "heat.day": "日付",
  "heat.peak": (values) => `1分間に最大${values.count}件`,
};
