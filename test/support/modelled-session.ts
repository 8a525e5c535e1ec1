/** A data session beside its model: what the model says is what the session must answer. */
import { expect } from 'chai';
import type { ICaller } from '../../src/types/client.js';
import { isSojournError } from '../../src/types/errors.js';
import type { Dice } from './dice.js';
import { kindOfAll, recordsOf, sliceOf } from './model-table.js';
import type { Kind, ModelTable, Scalar } from './model-table.js';

/** A version of the table, as the session numbers them. */
export interface ModelVersion {
  readonly seq: number;
  readonly parent: ModelVersion | null;
  readonly table: ModelTable;
}

const dtypes: Readonly<Record<Kind, readonly string[]>> = {
  int: ['int64', 'Int64'],
  float: ['float64'],
  text: ['object'],
  bool: ['bool', 'boolean'],
  mixed: ['object'],
};

const words = [
  'alpha',
  "o'clock",
  'a "b"',
  '100%',
  'x_y',
  'back\\slash',
  'größe',
  '日本',
  '',
  'NULL',
  'nan',
  'Zeta',
];
const rowsAtFirst = 12;

export class ModelledSession {
  head!: ModelVersion;
  /** All that `goto` may be asked for. */
  versions: ModelVersion[] = [];
  undone: ModelVersion[] = [];
  /** What was asked since it was made: what tells how a failure came about. */
  readonly story: string[] = [];
  private names = 0;

  private constructor(
    readonly number: number,
    readonly id: string,
    private readonly caller: ICaller,
  ) {}

  static async create(caller: ICaller, number: number, life: number, dice: Dice): Promise<ModelledSession> {
    const made = new ModelledSession(number, `fuzz-${number}-${life}`, caller);
    const table = made.firstTable(dice);
    const index = table.index === null ? {} : { index: table.index };
    const labels = table.index === null ? [] : [[table.index, table.labels] as const];
    const cells = [...labels, ...table.columns.map((column) => [column.name, column.cells] as const)];
    const data = Object.fromEntries(cells);
    made.story.push(`create ${JSON.stringify({ data, ...index })}`);
    await caller.call('create_session', { kind: 'data', session_id: made.id, data, ...index });
    made.head = { seq: 0, parent: null, table };
    made.versions = [made.head];
    return made;
  }

  get table(): ModelTable {
    return this.head.table;
  }

  async ask(operation: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    this.story.push(`${operation} ${JSON.stringify(params)}`);
    return (await this.caller.call(operation, { session_id: this.id, ...params })) as Record<string, unknown>;
  }

  /** A change of the table. */
  async change(operation: string, params: Record<string, unknown>, table: ModelTable): Promise<void> {
    const { version, shape } = await this.ask(operation, params);
    expect(shape, operation).to.deep.equal([table.labels.length, table.columns.length]);
    this.head = { seq: Number(version), parent: this.head, table };
    this.versions.push(this.head);
    this.undone = [];
  }

  async fails(operation: string, params: Record<string, unknown>, code: string): Promise<void> {
    const found: unknown = await this.ask(operation, params).catch((error: unknown) => error);
    expect(isSojournError(found) ? found.code : found, operation).to.equal(code);
  }

  /** All of it, by one slice. */
  async verify(id = this.id): Promise<void> {
    const all = await this.ask('get_slice', { session_id: id });
    this.checkPage(all, sliceOf(this.table));
  }

  checkPage(answer: Record<string, unknown>, table: ModelTable): void {
    const names = table.columns.map(({ name }) => name);
    expect(answer.columns).to.deep.equal(names);
    expect(answer.indices).to.deep.equal(table.labels);
    expect(answer.records).to.deep.equal(recordsOf(table));
    expect(answer.shape).to.deep.equal([table.labels.length, names.length]);
    const found = answer.dtypes as Record<string, string>;
    for (const { name, kind } of table.columns) expect(dtypes[kind], name).to.include(found[name]);
  }

  /** A cell that no other session has, but for booleans and some words. */
  cell(kind: Kind, dice: Dice): Scalar {
    if (dice.oneIn(6)) return null;
    if (kind === 'int') return this.number * 1000 + dice.below(8) - 3;
    if (kind === 'float') return this.number * 1000 + dice.below(9) / 4;
    if (kind === 'bool') return dice.oneIn(2);
    return dice.oneIn(3) ? dice.of(words) : `s${this.number} ${dice.of(words)}`;
  }

  newName(dice: Dice): string {
    this.names += 1;
    return `${dice.of(['n', 'N', 'a"b', 'drop table', '__proto__x', 'select', 'ß'])}${this.names}`;
  }

  /** Labels that were counted stay numbers. */
  newLabel({ index }: ModelTable): Scalar {
    this.names += 1;
    return index === 'id' ? `s${this.number}-new${this.names}` : 1000 + this.names;
  }

  private firstTable(dice: Dice): ModelTable {
    const rows = 1 + dice.below(rowsAtFirst);
    const index = dice.oneIn(3) ? null : 'id';
    const places = Array.from({ length: rows }, (_, row) => row);
    const labels = places.map((row) => (index === null ? row : `s${this.number}-r${row}`));
    const column = (name: string, kind: Kind) => {
      const cells = places.map(() => this.cell(kind, dice));
      // The first cell tells the kind: a column of nulls alone has none. A float is told by its fraction.
      cells[0] = {
        int: this.number,
        float: this.number + 0.5,
        text: `s${this.number}`,
        bool: true,
        mixed: null,
      }[kind];
      return { name, kind: kindOfAll(cells), cells };
    };
    const columns = [column('i', 'int'), column('f', 'float'), column('t', 'text'), column('b', 'bool')];
    return { index, labels, columns: [...columns, column('I', 'int')] };
  }
}
