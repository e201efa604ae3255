// How much room a text takes, before it is in the document: estimated, so that a picture is the same on each machine.

const WIDE = /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Extended_Pictographic}/u;
const NARROW = /[\p{M}ijlft.,:;'|!()[\]· -]/u;

/**
 * @param {string} text
 * @param {number} size of the letters in pixels
 */
export function widthOf(text, size) {
  return [...text].reduce((sum, one) => sum + widthOfLetter(one), 0) * size;
}

/** @param {string} letter */
function widthOfLetter(letter) {
  if (WIDE.test(letter)) return 1;
  if (NARROW.test(letter)) return 0.36;
  return /[A-ZmwMW@%]/.test(letter) ? 0.74 : 0.6;
}

/**
 * @param {string} text
 * @param {number} width how much room there is
 * @param {number} size
 */
export function shortened(text, width, size) {
  if (widthOf(text, size) <= width) return text;
  let room = width - size;
  let short = "";
  for (const letter of text) {
    room -= widthOfLetter(letter) * size;
    if (room < 0) break;
    short += letter;
  }
  return `${short.trimEnd()}…`;
}
