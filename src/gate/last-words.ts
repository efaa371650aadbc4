/** Of what a program said before it ended, the line that tells most: stack traces and advice follow the reason. */

const REASON = /\b(?:error|exception|cannot|can't|could not|missing|required|not found|no such|invalid|must|denied|refused|failed|unknown|usage)\b/i;
/** Places in code, closing brackets, the interpreter's name, what to do next. */
const BESIDE = /^\s*at \s*\S|^[\s{}()[\]^~,;]*$|^Node\.js v|next step:|^\s*\w+: (?:'[A-Z_]+'|\[|\d+),?$/;

export function lastWords(said: string): string {
  const lines = said.split("\n").map((line) => line.trim()).filter((line) => !BESIDE.test(line));
  return lines.findLast((line) => REASON.test(line)) ?? lines.at(-1) ?? "nothing";
}
