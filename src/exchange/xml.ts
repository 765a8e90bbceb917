// Texts out of the small XML answers of AWS's query APIs, without a parser: an element counts only if the document has exactly
// one of its name, with nothing but text in it. Documents that could say more than they seem to (DOCTYPE, CDATA, comments,
// processing instructions) are read as having nothing. Must never throw, and never take one of two.

const entities = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** XML declaration, which may stand at the very beginning only. */
const declaration = /^\uFEFF?\s*<\?xml [^<>?]{0,100}\?>/;

export interface XmlTexts {
  /** The text of the only element of this name; undefined when there is none, several, or one with elements inside. */
  text(name: string): string | undefined;
}

const nothing: XmlTexts = { text: () => undefined };

/** @param answer bounded where it was read */
export function readXml(answer: {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}): XmlTexts {
  if (!/^(?:text|application)\/xml\s*(?:;|$)/i.test(answer.headers['content-type'] ?? '')) return nothing;
  const document = decoded(answer.body)?.replace(declaration, '');
  if (document === undefined || /<[!?]/.test(document)) return nothing;
  return { text: (name) => textOf(document, name) };
}

function textOf(document: string, name: string): string | undefined {
  // Names are this code's own, letters only.
  const starts = [...document.matchAll(new RegExp(`<${name}(?=[\\s/>])`, 'g'))];
  const [start] = starts;
  if (start === undefined || starts.length > 1) return undefined;
  const element = new RegExp(`^<${name}>([^<]*)</${name}\\s*>`).exec(document.slice(start.index));
  return element?.[1] === undefined ? undefined : unescaped(element[1].trim());
}

/** undefined for an entity that XML does not know by itself. */
function unescaped(text: string): string | undefined {
  let known = true;
  const plain = text.replace(/&([^;&]{0,10})(;?)/g, (_, reference: string, end: string) => {
    const character = end === '' ? undefined : (entities.get(reference) ?? numbered(reference));
    known &&= character !== undefined;
    return character ?? '';
  });
  return known ? plain : undefined;
}

function numbered(reference: string): string | undefined {
  const [, hex, decimal] = /^#(?:x([0-9a-f]{1,6})|([0-9]{1,7}))$/i.exec(reference) ?? [];
  const code = hex === undefined ? Number(decimal ?? Number.NaN) : Number.parseInt(hex, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function decoded(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}
