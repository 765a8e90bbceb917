// How long each vendor lets a credential live, as its documentation has it: what the demo holds the real ones against.

/** All in seconds, moments since the epoch. */
export interface Life {
  readonly lifetime: number;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** End of the JWT that the vendor was shown; undefined where the credential is such a JWT itself. */
  readonly subjectEndsAt: number | undefined;
}

export interface LifeRule {
  readonly text: string;
  holds(life: Life): boolean;
}

/** Both sides round to whole seconds, at different moments. */
const rounding = 1;

const hour = 3_600;

function outlives({ expiresAt, subjectEndsAt = expiresAt }: Life): boolean {
  return expiresAt > subjectEndsAt + rounding;
}

function atMost(seconds: number): (life: Life) => boolean {
  return ({ lifetime }) => lifetime > 0 && lifetime <= seconds;
}

/** Never more than this, and never past the end of the subject token. */
function withSubject(seconds: number, text: string): LifeRule {
  return {
    text: `${text}, and never past its subject token`,
    holds: (life) => atMost(seconds)(life) && !outlives(life),
  };
}

/** developers.openai.com, "Workload identity token exchange". */
export const openai = withSubject(hour, 'an hour at most');

/** openrouter.ai/docs, "Workload Identity Federation". */
export const openrouter = withSubject(900, '15 minutes at most');

/** docs.databricks.com, "Authenticate with an identity provider token". */
export const databricks: LifeRule = {
  text: 'ends with its subject token',
  holds: (life) => atMost(hour)(life) && !outlives(life),
};

/** docs.cloud.google.com: the Security Token Service. */
export const googleFederated = withSubject(hour, 'an hour at most');

/** generateAccessToken: the lifetime asked for. */
export const googleAccount: LifeRule = { text: 'the 15 minutes asked for', holds: atMost(15 * 60) };

/** AssumeRoleWithWebIdentity: the duration asked for; a Bedrock API key lives as long as the session it is made of. */
export const aws: LifeRule = { text: 'the 15 minutes asked for', holds: atMost(15 * 60) };

/** platform.claude.com/docs, "WIF reference": twice what was left of the assertion, a minute at least. */
export const anthropic: LifeRule = {
  text: 'twice what was left of its assertion at most',
  holds: ({ lifetime, issuedAt, subjectEndsAt = issuedAt }) =>
    lifetime <= Math.max(60, 2 * (subjectEndsAt - issuedAt)) + 2 * rounding,
};

/** learn.microsoft.com, "Configurable token lifetimes": 60 to 90 minutes, by chance. */
export const entra: LifeRule = {
  text: '60 to 90 minutes',
  holds: ({ lifetime }) => lifetime >= hour && lifetime <= 5_400,
};

/** huggingface.co/docs, trusted publishers. */
export const huggingface: LifeRule = { text: 'an hour at most', holds: atMost(hour) };

/** An issuer of the organisation's own or of a partner's, as it is configured. */
export function configured(seconds: number): LifeRule {
  return { text: `${seconds / 60} minutes at most`, holds: atMost(seconds) };
}
