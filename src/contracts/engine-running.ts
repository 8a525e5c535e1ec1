/** Rules of the engine contract: running code, its output, its end. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { eventBodySchema, executionErrorSchema, resultStatusSchema } from '../types/events.js';
import { abortWhenItSpeaks, textOf } from './engine-kit.js';
import type { EngineFixture, EngineRule } from './engine-kit.js';

const runsCode = ({ definition }: EngineFixture) => definition.capabilities.execute === true;
const hasEndless = (fixture: EngineFixture) => runsCode(fixture) && fixture.sample.endless !== undefined;

const outputTypes = new Set([
  'stdout',
  'stderr',
  'display',
  'execute_result',
  'clear_output',
  'progress',
  'truncated',
]);
const outcomeSchema = z.object({
  status: resultStatusSchema,
  error: executionErrorSchema.nullish(),
  execution_count: z.number().int().nonnegative().nullish(),
  should_exit: z.boolean().optional(),
  variable_count: z.number().int().nonnegative().optional(),
  interrupt: z
    .object({ rung: z.enum(['signal', 'terminate', 'kill']), ms: z.number().nonnegative() })
    .optional(),
});

export const runningRules: readonly EngineRule[] = [
  {
    title: 'a run ends with an outcome of the right shape',
    appliesTo: runsCode,
    async check(kit) {
      const subject = await kit.create();
      const codes = [kit.sample.change, kit.sample.show, kit.sample.fails].filter(
        (code) => typeof code === 'string',
      );
      for (const code of codes) outcomeSchema.parse((await subject.run(code)).outcome);
    },
  },
  {
    title: 'every output is a well-formed output event',
    appliesTo: runsCode,
    async check(kit) {
      const subject = await kit.create();
      await subject.take(kit.sample.change);
      if (typeof kit.sample.show !== 'string') return;
      const { outputs } = await subject.run(kit.sample.show);
      for (const output of outputs) {
        assert.ok(outputTypes.has(output.type), `'${output.type}' is no output`);
        eventBodySchema.parse(output);
      }
    },
  },
  {
    title: 'all output of a run has come when the run ends',
    appliesTo: (fixture) => runsCode(fixture) && typeof fixture.sample.show === 'string',
    async check(kit) {
      const subject = await kit.create();
      if (typeof kit.sample.show !== 'string') return;
      const { outputs } = await subject.run(kit.sample.show);
      assert.equal(textOf(outputs), kit.sample.shown.fresh);
    },
  },
  {
    title: 'output comes while the run goes on',
    appliesTo: hasEndless,
    async check(kit) {
      const { spokeInTime } = await abortWhenItSpeaks(kit, 'interrupted');
      assert.ok(spokeInTime, 'the output was held back');
    },
  },
  {
    title: 'a run that is interrupted ends as interrupted',
    appliesTo: hasEndless,
    async check(kit) {
      const { outcome } = await abortWhenItSpeaks(kit, 'interrupted');
      assert.equal(outcome.status, 'interrupted');
    },
  },
  {
    title: 'a run that takes too long ends as timeout',
    appliesTo: hasEndless,
    async check(kit) {
      const { outcome } = await abortWhenItSpeaks(kit, 'timeout');
      assert.equal(outcome.status, 'timeout');
    },
  },
  {
    title: 'a run that is aborted before it begins does not begin',
    appliesTo: (fixture) => runsCode(fixture) && typeof fixture.sample.change === 'string',
    async check(kit) {
      const subject = await kit.create();
      if (typeof kit.sample.change !== 'string') return;
      const { outcome } = await subject.run(kit.sample.change, AbortSignal.abort('interrupted'));
      assert.equal(outcome.status, 'interrupted');
      assert.equal(await subject.take(kit.sample.show), kit.sample.shown.fresh);
    },
  },
  {
    title: 'a run that fails says so with its error',
    appliesTo: (fixture) => runsCode(fixture) && fixture.sample.fails !== undefined,
    async check(kit) {
      const { outcome } = await (await kit.create()).run(kit.sample.fails ?? '');
      assert.equal(outcome.status, 'error');
      assert.ok(outcome.error, 'a failed run has an error');
      assert.ok(outcome.error.name.length > 0, 'an error has a name');
    },
  },
  {
    title: 'a failed run leaves the engine usable and its state as it was',
    appliesTo: (fixture) => runsCode(fixture) && fixture.sample.fails !== undefined,
    async check(kit) {
      const subject = await kit.create();
      await subject.take(kit.sample.change);
      await subject.run(kit.sample.fails ?? '');
      assert.equal(await subject.take(kit.sample.show), kit.sample.shown.one);
      assert.deepEqual(subject.deaths, []);
    },
  },
];
