/** Texts of peers, as a person may see them: nothing in them moves a cursor, hides, turns direction or pushes something away. */

/** Control, format and private characters, marks that join what stands before, and every blank but the plain one. */
const ODD = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}\p{Mn}\p{Me}\u115f\u1160\u3164\uffa0\u2800]|(?! )\p{Zs}/gu;
const BLANKS = / {3,}/g;

export function plain(text: string): string {
  return text.replace(ODD, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`).replace(BLANKS, (run) => `\\u{20}{${run.length}}`);
}
