/** K-29: the recorded transcript of kernel tools, step by step, each compared with what it has to answer. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { z } from 'zod';
import { KernelTools } from './support/kernel-tools.js';
import { needs } from './support/needs.js';
import { openPythonClient } from './support/python-client.js';
import { differences, inRecordedNames } from './support/recorded-answers.js';

const answerSchema = z.union([
  z.strictObject({ result: z.record(z.string(), z.unknown()) }),
  z.strictObject({ error: z.unknown() }),
]);
const stepSchema = z.strictObject({
  tool: z.string(),
  args: z.record(z.string(), z.unknown()),
  recorded: answerSchema,
  expect: answerSchema.optional(),
  why: z.string().optional(),
  needs: z.array(z.string()).optional(),
});

const file = new URL('./fixtures/kernel-tools/steps.json', import.meta.url);
const { steps } = z
  .object({ steps: z.array(stepSchema) })
  .parse(JSON.parse(await readFile(file, 'utf8')) as unknown);

const ran = { stdout: '', stderr: '', results: [], outputs: [], new_files: [], execution_time: '$number' };

/** Where the answer is neither the recorded nor the specified one, by the number of the step. */
const deliberate: Readonly<Record<number, { why: string; result: Record<string, unknown> }>> = {
  76: {
    why: 'exit() ends the run, which says so, and not the kernel',
    result: { ...ran, stderr: 'SystemExit' },
  },
  77: {
    why: 'so the kernel lives, and its process can be told',
    result: {
      status: 'healthy',
      pid: '$number',
      memory_usage: '$number',
      cpu_percent: '$number',
      num_threads: '$number',
      uptime: '$number',
      session_id: 'default',
      execution_count: 16,
      system: '$object',
    },
  },
  78: { why: 'and the next run is answered', result: { ...ran, results: ['2'] } },
};

describe('the recorded transcript of kernel tools', () => {
  const answers: unknown[] = [];

  before(async function () {
    this.timeout(120_000);
    await needs.python(this);
    needs.linux(this);
    const server = await openPythonClient({
      limits: { sessions: 5 },
      python: { preload: ['numpy', 'pandas', 'matplotlib.pyplot'] },
    });
    try {
      const tools = await KernelTools.open(server.client);
      for (const { tool, args } of steps) {
        const { workspace } = await tools.session.files.list();
        const answer = await tools.call(tool, args).then(
          (result) => ({ result }),
          (error: unknown) => ({ error: error instanceof Error ? error.message : error }),
        );
        answers.push(inRecordedNames(answer, workspace));
      }
    } finally {
      await server.close();
    }
  });

  it('K-29: has 78 steps', () => {
    expect(steps.length).to.equal(78);
    expect(answers.length).to.equal(78);
  });

  steps.forEach((step, index) => {
    const place = index + 1;
    const call = `${step.tool} ${JSON.stringify(step.args).slice(0, 60)}`;
    const specified = inRecordedNames(step.expect ?? step.recorded);
    const other = deliberate[place];
    const how = other
      ? `differs: ${other.why}`
      : step.expect
        ? 'answers as specified'
        : 'answers as recorded';
    it(`K-29: step ${place}, ${call}, ${how}`, async function () {
      for (const name of step.needs ?? []) if (name !== 'IPython') await needs.pythonModule(this, name);
      const { result } = other ?? {};
      expect(differences(answers[index], result ? { result } : specified)).to.deep.equal([]);
      // A difference that is none any more has no place in the list.
      if (other) expect(differences(answers[index], specified)).to.not.deep.equal([]);
    });
  });
});
