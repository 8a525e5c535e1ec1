/** What is wrong with values from outside, in the words that their sender reads. */
import type { z } from 'zod';

export interface IssueText {
  /** Where it is, with dots; empty for the whole. */
  readonly field: string;
  readonly message: string;
}

/** @param under where the value itself stands, if it is part of something */
export function issueTexts(error: z.ZodError, value: unknown, under: readonly string[] = []): IssueText[] {
  return error.issues.map((issue) => ({
    field: [...under, ...issue.path].join('.'),
    message: isMissing(issue, value) ? 'is missing' : issue.message,
  }));
}

/** On one line: `field: message`, several with semicolons between. */
export const issueLine = (issues: readonly IssueText[]): string =>
  issues.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ');

/** The schema's own words would speak of undefined, which no JSON has. */
function isMissing({ code, path }: z.core.$ZodIssue, value: unknown): boolean {
  if (code !== 'invalid_type' && code !== 'invalid_value' && code !== 'invalid_union') return false;
  const found = path.reduce<unknown>(
    (node, key) => (typeof node === 'object' && node !== null ? Reflect.get(node, key) : undefined),
    value,
  );
  return found === undefined;
}
