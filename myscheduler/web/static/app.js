// The entry: reads the texts of the viewer's language, then starts the page.

import { loadLanguage } from "./core/language.js";
import { loadMessages } from "./core/said.js";

await Promise.all([loadLanguage(), loadMessages("calls")]);
await import("./main.js");
