/** The example interface files: each loads as was recorded, or is refused in the words that were recorded. */
import { readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { z } from 'zod';
import { isSectionName, sectionRoles } from '../src/engines/data/load/section-roles.js';
import { failure, loadWorld } from './support/data-load-world.js';
import type { LoadWorld, Shown } from './support/data-load-world.js';

const folder = fileURLToPath(new URL('./fixtures/data', import.meta.url));

const cell = z.json();
const answer = z.object({ response: z.record(z.string(), cell) });
const callSchema = answer.extend({
  op: z.string(),
  status: z.number(),
  body: z.record(z.string(), cell).optional(),
  sojourn: answer.extend({ status: z.number() }).optional(),
});
const sessionSchema = z.object({
  interface_file: z.string(),
  session: z.object({ shape: z.tuple([z.number(), z.number()]), columns: z.array(z.string()) }).optional(),
  calls: z.array(callSchema).optional(),
  error: z
    .object({
      error_type: z.string(),
      error_message: z.string().optional(),
      error_message_prefix: z.string().optional(),
    })
    .optional(),
});
const recorded = z
  .object({ sessions: z.array(sessionSchema) })
  .parse(JSON.parse(readFileSync(`${folder}/expected.json`, 'utf8')));

type Call = z.output<typeof callSchema>;

/** Calls up to the first one that writes. */
function reads(calls: readonly Call[]): Call[] {
  const write = calls.findIndex(({ op }) => op === 'set_value');
  return calls.slice(0, write === -1 ? undefined : write);
}

const columnsIn = ({ loaded }: Shown, test: (section: string) => boolean) =>
  loaded.columns.filter(({ section }) => test(section)).map(({ name }) => name);

/** What a table says to a call, as far as loading decides it. */
function said(shown: Shown, { op, body }: Call): unknown {
  const roleOf = (section: string) => (isSectionName(section) ? sectionRoles.get(section) : undefined);
  if (op === 'get_indices') return { indices: shown.indices };
  if (op === 'get_shape') return { shape: shown.shape };
  if (op === 'get_columns') return { columns: shown.columns };
  if (op === 'get_selector') return { selector: shown.loaded.selector };
  if (op === 'get_input_columns')
    return { columns: columnsIn(shown, (one) => roleOf(one)?.group === 'input') };
  if (op === 'get_output_columns')
    return { columns: columnsIn(shown, (one) => roleOf(one)?.group === 'output') };
  if (op === 'get_series_columns')
    return { columns: columnsIn(shown, (one) => roleOf(one)?.shape === 'series') };
  if (op === 'get_column_type') {
    const column = shown.loaded.columns.find(({ name }) => name === body?.['column']);
    return { column_type: column?.section ?? null };
  }
  if (op !== 'get_value_at') return null;
  const { index = null, column } = z.record(z.string(), z.string()).parse(body ?? {});
  return { value: shown.at(index, column ?? '') };
}

describe('interface files of the examples', () => {
  let world: LoadWorld;
  before(async () => {
    world = await loadWorld();
    await cp(folder, world.root, { recursive: true });
  });
  after(() => world.close());

  for (const { interface_file: file, session, calls = [] } of recorded.sessions) {
    if (!session) continue;
    it(`${file} gives the recorded table`, async () => {
      const shown = await world.show(await world.load({ interface_file: file }));
      expect(shown.shape).to.deep.equal(session.shape);
      expect(shown.columns).to.deep.equal(session.columns);
      let setSelector = false;
      for (const call of reads(calls)) {
        const { response, status } = call.sojourn ?? call;
        setSelector ||= call.op === 'set_selector';
        const answer = said(shown, call);
        if (status !== 200 || answer === null || (setSelector && call.op === 'get_selector')) continue;
        expect({ status: 'success', ...answer }, `${call.op} ${JSON.stringify(call.body)}`).to.deep.equal(
          response,
        );
      }
    });
  }

  const codes: Record<string, 'file_not_found' | 'invalid_params'> = {
    'does-not-exist.yml': 'file_not_found',
    '../outside.yml': 'invalid_params',
  };
  for (const { interface_file: file, error } of recorded.sessions) {
    if (!error) continue;
    it(`${file} is refused in the recorded words`, async () => {
      const thrown = await failure(world.load({ interface_file: file }), codes[file] ?? 'interface_invalid');
      const words = (text: string) => text.replaceAll('<ROOT>', world.root);
      if (error.error_message !== undefined) expect(thrown.detail).to.equal(words(error.error_message));
      else expect(thrown.detail.startsWith(words(error.error_message_prefix ?? ''))).to.equal(true);
    });
  }
});
