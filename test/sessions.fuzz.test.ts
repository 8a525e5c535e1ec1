import { expect } from 'chai';
import fc from 'fast-check';
import type { Sojourn } from '../src/client/sojourn.js';
import { isSojournError } from '../src/types/errors.js';
import { openWorld } from './support/world.js';
import type { World } from './support/world.js';

/**
 * Random lives of several sessions, compared step by step with plain numbers: what was acknowledged is there after
 * every sleep, crash and restart, and nothing has happened twice. TEST_SEED repeats a run.
 */
type Step =
  | { do: 'add'; session: number; by: number; key: boolean }
  | { do: 'fail' | 'die' | 'clear' | 'save' | 'hibernate' | 'restart' | 'check' | 'delete'; session: number }
  | { do: 'crash' };

const session = fc.integer({ min: 0, max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      session,
      by: fc.integer({ min: 1, max: 99 }),
      key: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['fail', 'die', 'clear', 'save', 'hibernate', 'restart', 'check', 'delete'] as const),
      ),
      session,
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'crash' as const }) },
);

interface Model {
  total: number;
  /** Acknowledged executions, in order. */
  codes: string[];
}

class Run {
  private readonly models = new Map<number, Model>();
  private keys = 0;

  constructor(private world: World) {}

  async take(one: Step): Promise<void> {
    if (one.do === 'crash') return this.crash();
    const model = await this.ensure(one.session);
    const held = this.client.session(`s${one.session}`);
    const execute = async (code: string, idempotencyKey?: string) => {
      model.codes.push(code);
      return held.execute(code, idempotencyKey === undefined ? {} : { idempotencyKey });
    };
    switch (one.do) {
      case 'add': {
        model.total += one.by;
        const key = one.key ? `k${(this.keys += 1)}` : undefined;
        expect((await execute(`add ${one.by}`, key)).output).to.equal(`${model.total}\n`);
        if (key !== undefined)
          expect((await held.execute(`add ${one.by}`, { idempotencyKey: key })).output).to.equal(
            `${model.total}\n`,
          );
        break;
      }
      case 'fail':
        expect((await execute('fail x')).status).to.equal('error');
        break;
      case 'die': {
        const error: unknown = await execute('die').catch((caught: unknown) => caught);
        expect(isSojournError(error, 'kernel_died')).to.equal(true);
        break;
      }
      case 'clear':
        await held.clear();
        model.total = 0;
        break;
      case 'restart':
        await held.restart();
        model.total = 0;
        break;
      case 'delete':
        await held.delete();
        this.models.delete(one.session);
        break;
      case 'check':
        expect(await held.call('get_total')).to.deep.equal({ total: model.total });
        break;
      default:
        await held[one.do]();
    }
  }

  async verify(): Promise<void> {
    for (const [index, model] of this.models) {
      const held = this.client.session(`s${index}`);
      expect(await held.call('get_total')).to.deep.equal({ total: model.total });
      expect((await held.history({ limit: 10_000 })).map(({ code }) => code)).to.deep.equal(model.codes);
      const seqs: number[] = [];
      for await (const event of held.events({ follow: false })) seqs.push(event.seq);
      expect(seqs).to.deep.equal(seqs.map((_seq, place) => place));
    }
    await this.world.close();
  }

  private get client(): Sojourn {
    return this.world.client;
  }

  private async ensure(index: number): Promise<Model> {
    const known = this.models.get(index);
    if (known) return known;
    const model = { total: 0, codes: [] };
    this.models.set(index, model);
    await this.client.createSession({ kind: 'counter', sessionId: `s${index}` });
    return model;
  }

  private async crash(): Promise<void> {
    await this.world.crash();
    this.world = await openWorld({ store: this.world.store, dataDir: this.world.dataDir });
  }
}

describe('random lives of sessions', () => {
  it('agree with a plain model after every crash, sleep and restart', async function () {
    this.timeout(120_000);
    const seed = process.env.TEST_SEED === undefined ? undefined : Number(process.env.TEST_SEED);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const run = new Run(await openWorld());
        for (const one of steps) await run.take(one);
        await run.verify();
      }),
      { numRuns: 100, ...(seed === undefined ? {} : { seed }) },
    );
  });
});
