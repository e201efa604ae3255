// 通知が届かなかった理由の日本語。それを表示するページだけが読み込む。

/** @type {Record<string, string>} */
export const messages = {
  "apprise-failed": "Apprise で送れなかった: コマンド `apprise -vv -b test URL` で URL を試すこと",
  "apprise-knows-no-such-url": "通知先の URL のサービスを Apprise が知らない: Apprise の文書で調べること",
  "apprise-missing": "Apprise がない: MyScheduler を extra の `apprise` とともにインストールする",
  "apprise-too-slow": "Apprise が{seconds}秒以内に送らなかった",
  "channel-answered": "{why}({answer})",
  "channel-bug": "スケジューラーの不具合: {kind}",
  "channel-gone": "この名前の通知先は notifications.yaml にもうない",
  "channel-slow": "{seconds}秒以内に終わらなかった",
  "mail-no-starttls": "STARTTLS に対応していない",
  "mail-not-supported": "メールサーバー {host} は通知先の求める方法に対応していない({why}): `security` を変えること",
  "mail-refused": "メールサーバーの応答: {code} {answer}",
  "mail-too-slow": "メールサーバー {host} が{seconds}秒以内にメールを受け取らなかった",
  "mail-unreachable": "メールサーバー {host}:{port} に接続できない({why})",
  "signing-key-form": "署名の鍵が whsec_ と base64 の24から64バイトでない: `echo whsec_$(openssl rand -base64 32)` で作る",
};
