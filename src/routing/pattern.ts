// Path patterns of presets: `/v1/models/{model}:generateContent`, `/v1/files/*`. Compiled at load, matched against the
// decoded segments of a canonical target. Braces as in OpenAPI, since Gemini's paths hold colons of their own.
// Literals match in any letter case and a last "/" is ignored: a lenient upstream must not see an operation we missed.

export interface PathPattern {
  /** Names of the parameters, in order. */
  readonly parameters: readonly string[];
  /** Values by parameter name, or undefined when the path is another one. */
  match(segments: readonly string[]): ReadonlyMap<string, string> | undefined;
}

interface SegmentPattern {
  readonly before: string;
  readonly parameter: string | undefined;
  readonly after: string;
}

/** Syntax of a pattern: literal text with at most one `{name}` per segment, and `*` as the last segment for any rest. */
export const patternSyntax =
  /^(?=\/)(?:\/(?:[A-Za-z0-9\-._~!$'(),=:@]*\{[a-z_]+\}[A-Za-z0-9\-._~!$'(),=:@]*|[A-Za-z0-9\-._~!$'(),=:@]+))*(?:\/\*|\/)?$/;

const none: ReadonlyMap<string, string> = new Map();

/** @param text a pattern of `patternSyntax`. */
export function compilePattern(text: string): PathPattern {
  const texts = withoutLastSlash(text.slice(1).split('/'));
  const open = texts.at(-1) === '*';
  const parts = (open ? texts.slice(0, -1) : texts).map(segmentPattern);
  const parameters = parts.flatMap((part) => part.parameter ?? []);
  return { parameters, match: (segments) => matchSegments(parts, open, withoutLastSlash(segments)) };
}

function withoutLastSlash(segments: readonly string[]): readonly string[] {
  return segments.at(-1) === '' ? segments.slice(0, -1) : segments;
}

function segmentPattern(text: string): SegmentPattern {
  const [, before = '', parameter, after = ''] = /^([^{]*)(?:\{([a-z_]+)\}(.*))?$/.exec(text) ?? [];
  return { before: before.toLowerCase(), parameter, after: after.toLowerCase() };
}

function matchSegments(
  parts: readonly SegmentPattern[],
  open: boolean,
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (open ? segments.length <= parts.length : segments.length !== parts.length) return undefined;
  let values: Map<string, string> | undefined;
  for (const [index, part] of parts.entries()) {
    const segment = segments[index] ?? '';
    if (part.parameter === undefined) {
      if (segment.length !== part.before.length || segment.toLowerCase() !== part.before) return undefined;
      continue;
    }
    const value = parameterValue(part, segment);
    if (value === undefined) return undefined;
    values ??= new Map();
    values.set(part.parameter, value);
  }
  return values ?? none;
}

function parameterValue(part: SegmentPattern, segment: string): string | undefined {
  const end = segment.length - part.after.length;
  if (end <= part.before.length) return undefined;
  const surrounded =
    segment.slice(0, part.before.length).toLowerCase() === part.before &&
    segment.slice(end).toLowerCase() === part.after;
  return surrounded ? segment.slice(part.before.length, end) : undefined;
}
