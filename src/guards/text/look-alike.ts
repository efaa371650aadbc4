/**
 * The Latin text that a text in other letters is made to look like (UTS 39). The letters that carry it in practice, not the
 * consortium's six thousand: every gate holds this table. Wide and mathematical letters are what NFKC makes of them.
 */
const TABLE: Readonly<Record<string, string>> = {
  // Cyrillic
  а: "a", в: "b", с: "c", ԁ: "d", е: "e", ё: "e", һ: "h", і: "i", ї: "i", ј: "j", к: "k", ӏ: "l", м: "m", п: "n", о: "o", р: "p", ԛ: "q", г: "r", ѕ: "s", т: "t", и: "u", ѵ: "v", ԝ: "w", х: "x", у: "y", з: "z",
  А: "A", В: "B", С: "C", Е: "E", Ғ: "F", Ԍ: "G", Н: "H", І: "I", Ј: "J", К: "K", М: "M", О: "O", Р: "P", Ԛ: "Q", Ѕ: "S", Т: "T", Ѵ: "V", Ԝ: "W", Х: "X", У: "Y", З: "3", Ь: "b",
  // Greek
  α: "a", β: "b", ϲ: "c", ε: "e", γ: "y", η: "n", ι: "i", κ: "k", ν: "v", ο: "o", ρ: "p", σ: "o", τ: "t", υ: "u", χ: "x", ω: "w", ϳ: "j",
  Α: "A", Β: "B", Ε: "E", Ζ: "Z", Η: "H", Ι: "I", Κ: "K", Μ: "M", Ν: "N", Ο: "O", Ρ: "P", Τ: "T", Υ: "Y", Χ: "X", Ϲ: "C",
  // Armenian, and others
  ս: "u", ո: "n", օ: "o", հ: "h", զ: "q", ց: "g", յ: "j", Օ: "O", Տ: "S", ı: "i", ɡ: "g", ɑ: "a", ʟ: "L", ǃ: "!", ℓ: "l", ⅼ: "l", ᴏ: "o", ᴄ: "c", ᴜ: "u", ᴠ: "v", ᴡ: "w", ᴢ: "z", ꜱ: "s", ʀ: "r", ɴ: "n", ɪ: "i", ᴀ: "a", ᴇ: "e", ᴛ: "t",
};

export function skeletonOf(text: string): string {
  return text.normalize("NFKC").replace(/[^\u0000-\u007f]/gu, (letter) => TABLE[letter] ?? letter);
}
