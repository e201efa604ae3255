// 計画の日本語の文。

/** @type {typeof import("./plan.en.js").text} */
export const text = {
  "plan-action.create": "新規",
  "plan-action.delete": "削除",
  "plan-action.update": "変更",
  "plan.blocked": "保護により停止",
  "plan.busy": "ほかのマニフェストを検証しています。数秒後にもう一度お試しください。",
  "plan.changes": "適用した場合の変更",
  "plan.example": "例を挿入",
  "plan.load": "1日あたりの実行数(対象ジョブの合計): 変更前 {before}、変更後 {after}",
  "plan.nothing": "変更はありません",
  "plan.nothing-text": "登録済みの内容と同じか、ジョブが含まれていません。",
  "plan.placeholder": "マニフェストを貼り付けるか、ファイルをドロップしてください",
  "plan.problems": "問題",
  "plan.root-after": "変更後の先頭",
  "plan.root-before": "変更前の先頭",
  "plan.roots": "先頭が変わるチェーン",
  "plan.show": "適用結果を確認",
  "plan.valid": "問題なし",
  "plan.what": "コミットする前にマニフェストを確かめます。ソースの一部として扱うため、ほかのジョブは変わりません。何も保存されません。",
  "plan.yaml": "マニフェスト(YAML)",
};
