/** Names and values as SQL text. Whatever comes from outside goes through these two, or is a parameter. */

/** `a"b` → `"a""b"`. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Text as a literal, whatever is in it: DuckDB ends its statements at the first NUL. */
export const textLiteral = (text: string): string =>
  text.includes('\0') ? `(${text.split('\0').map(quoted).join(' || chr(0) || ')})` : quoted(text);

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Several texts as a list literal. */
export const textList = (texts: readonly string[]): string => `[${texts.map(textLiteral).join(', ')}]`;
