/** P-21: the recorded cases of a Python tool's answers, each given again: as recorded, or better where that is allowed. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import type { RunningServer } from '../src/server.js';
import { needs } from './support/needs.js';
import { openServer } from './support/open-server.js';
import { ReplTools } from './support/repl-tools.js';
import type { ReplAnswer } from './support/repl-tools.js';

const answerSchema = z.strictObject({
  output: z.string().optional(),
  error: z.string().nullable().optional(),
  error_starts: z.string().optional(),
  image: z.null().optional(),
  session_id: z.string().optional(),
});
const caseSchema = z.strictObject({
  code: z.string(),
  session_id: z.string().optional(),
  timeout_seconds: z.number().optional(),
  reset_session: z.boolean().optional(),
  result: answerSchema,
  also_allowed: answerSchema.optional(),
  sojourn: answerSchema.optional(),
  after: z
    .object({
      total_executions: z.number(),
      variables: z.array(z.tuple([z.string(), z.string(), z.number()])),
    })
    .nullable()
    .optional(),
  why: z.string().optional(),
});
type Case = z.infer<typeof caseSchema>;
type Answer = z.infer<typeof answerSchema>;

const file = new URL('./fixtures/python-repl/cases.json', import.meta.url);
const { cases } = z
  .object({ cases: z.array(caseSchema) })
  .parse(JSON.parse(await readFile(file, 'utf8')) as unknown);

/** In words that a failing test can show: null when it is the recorded answer. */
function difference(
  actual: ReplAnswer,
  { error_starts, ...expected }: Answer,
  whole: boolean,
): string | null {
  const { error, ...rest } = actual;
  const told = `${JSON.stringify(actual)} is not ${JSON.stringify({ ...expected, error_starts })}`;
  if (error_starts !== undefined) {
    if (error?.startsWith(`${error_starts}\n`) !== true) return told;
    return !whole || isEqual(rest, expected) ? null : told;
  }
  return isEqual(actual, expected) ? null : told;
}

const isEqual = (a: object, b: object) =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());

function check(actual: ReplAnswer, { result, also_allowed, sojourn }: Case): void {
  if (sojourn) return void expect(difference(actual, sojourn, false)).to.equal(null);
  const first = difference(actual, result, true);
  const found = first !== null && also_allowed ? difference(actual, also_allowed, true) : first;
  expect(found).to.equal(null);
}

/** More user data than recorded may be there, what was recorded must be; the session's own runs are counted. */
async function checkSession(tools: ReplTools, one: Case, runs: number): Promise<void> {
  if (one.session_id === undefined || one.after === undefined) return;
  const listed = await tools.listVariables(one.session_id);
  if (one.after === null) {
    expect(listed).to.deep.equal({ error: `Session ${one.session_id} not found` });
    return;
  }
  if ('error' in listed) throw new Error(listed.error);
  const known = listed.variables.map(({ name, type }) => `${name}: ${type}`);
  if (one.sojourn === undefined)
    expect(known).to.include.members(one.after.variables.map(([name, type]) => `${name}: ${type}`));
  expect(listed.variables.filter(({ type }) => type === 'module')).to.deep.equal([]);
  expect(listed.total_executions, 'runs').to.equal(runs);
}

describe('P-21: recorded runs of a Python tool', () => {
  let server: RunningServer;
  let tools: ReplTools;

  before(async function () {
    await needs.python(this);
    server = await openServer();
    tools = new ReplTools(server.app.caller(() => Promise.resolve()));
  });
  after(() => server.dispose());

  it('are 43', () => {
    expect(cases.length).to.equal(43);
  });

  for (const one of cases.filter(({ session_id }) => session_id === undefined)) {
    it(`without a session: ${JSON.stringify(one.code)}`, async () => {
      check(await tools.repl(one), one);
    });
  }

  const ids = [...new Set(cases.flatMap(({ session_id }) => session_id ?? []))];
  for (const id of ids) {
    const steps = cases.filter(({ session_id }) => session_id === id);
    it(`in session ${id}: ${steps.map(({ code }) => JSON.stringify(code)).join(', then ')}`, async () => {
      let runs = 0;
      for (const step of steps) {
        // The last of all recorded cases comes after its session was deleted.
        if (step === cases.at(-1)) {
          await tools.deleteSession(id);
          runs = 0;
        }
        const answer = await tools.repl(step);
        check(answer, step);
        if (step.after !== null) runs += 1;
        await checkSession(tools, step, runs);
      }
    });
  }
});
