/**
 * A JSON parser written from the grammar of RFC 8259, sharing nothing with the product's scanner: recursive descent
 * over code points, values built as it goes, duplicate keys an error. The second opinion of the property tests.
 */
export function parseJson(text: string): unknown {
  const characters = [...text];
  let at = 0;

  const error = (): never => {
    throw new SyntaxError(`at ${at}`);
  };
  const space = (): void => {
    while (" \t\r\n".includes(characters[at] ?? "x")) at += 1;
  };
  const expectWord = (word: string, value: unknown): unknown => {
    if (characters.slice(at, at + word.length).join("") !== word) error();
    at += word.length;
    return value;
  };

  const string = (): string => {
    let units = "";
    at += 1;
    for (;;) {
      const character = characters[at] ?? error();
      at += 1;
      if (character === '"') break;
      if (character < " ") error();
      units += character === "\\" ? escape() : character;
    }
    if (/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/.test(units)) error();
    return units;
  };
  const escape = (): string => {
    const letter = characters[at] ?? error();
    at += 1;
    if (letter === "u") {
      const hex = characters.slice(at, at + 4).join("");
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) error();
      at += 4;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain: Record<string, string> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
    return plain[letter] ?? error();
  };

  const number = (): number => {
    const match = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/.exec(characters.slice(at, at + 2000).join(""));
    if (match === null) return error();
    at += match[0].length;
    const value = Number(match[0]);
    return Number.isFinite(value) ? value : error();
  };

  const array = (): unknown[] => {
    const items: unknown[] = [];
    at += 1;
    space();
    if (characters[at] === "]") return ((at += 1), items);
    for (;;) {
      items.push(value());
      space();
      const character = characters[at];
      at += 1;
      if (character === "]") return items;
      if (character !== ",") error();
    }
  };
  const object = (): unknown => {
    const members = new Map<string, unknown>();
    at += 1;
    space();
    if (characters[at] === "}") return ((at += 1), {});
    for (;;) {
      space();
      if (characters[at] !== '"') error();
      const key = string();
      space();
      if (characters[at] !== ":" || members.has(key)) error();
      at += 1;
      members.set(key, value());
      space();
      const character = characters[at];
      at += 1;
      if (character === "}") return Object.fromEntries(members);
      if (character !== ",") error();
    }
  };

  const value = (): unknown => {
    space();
    const character = characters[at];
    if (character === '"') return string();
    if (character === "{") return object();
    if (character === "[") return array();
    if (character === "t") return expectWord("true", true);
    if (character === "f") return expectWord("false", false);
    if (character === "n") return expectWord("null", null);
    return number();
  };

  const result = value();
  space();
  if (at < characters.length) error();
  return result;
}
