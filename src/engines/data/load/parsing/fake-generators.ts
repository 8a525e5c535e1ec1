/** Generators of made-up cells, by name. */
import type { Faker } from '@faker-js/faker';
import type { ValueColumn } from './value-table.js';

const generators = {
  givenName: (faker: Faker) => faker.person.firstName(),
  familyName: (faker: Faker) => faker.person.lastName(),
  prefix: (faker: Faker) => faker.person.prefix(),
  suffix: (faker: Faker) => faker.person.suffix(),
  name: (faker: Faker) => `${faker.person.firstName()} ${faker.person.lastName()}`,
  city: (faker: Faker) => faker.location.city(),
  state: (faker: Faker) => faker.location.state(),
  address: (faker: Faker) => faker.location.streetAddress(true),
  email: (faker: Faker) => faker.internet.email(),
  date: (faker: Faker) => dayBetween(faker, '1970-01-01', '2024-12-31'),
  birthdate: (faker: Faker) => dayBetween(faker, '1934-01-01', '2006-12-31'),
  age: (faker: Faker) => faker.number.int({ min: 18, max: 92 }),
  phone: (faker: Faker) => faker.phone.number(),
} as const;

export type GeneratorName = keyof typeof generators;
export const generatorNames = Object.keys(generators);
export const isGenerator = (name: string): name is GeneratorName => Object.hasOwn(generators, name);

export interface FakeColumn {
  readonly name: string;
  readonly generator: GeneratorName;
}
export interface FakeRequest {
  readonly rows: number;
  readonly columns: readonly FakeColumn[];
  /** The same seed makes the same rows; null: others each time. */
  readonly seed: number | null;
}

const dayBetween = (faker: Faker, from: string, to: string): string =>
  faker.date
    .between({ from: `${from}T00:00:00Z`, to: `${to}T23:59:59Z` })
    .toISOString()
    .slice(0, 10);

export async function fakeColumns({ rows, columns, seed }: FakeRequest): Promise<ValueColumn[]> {
  const { faker } = await import('@faker-js/faker/locale/en');
  if (seed !== null) faker.seed(seed);
  const made: { name: string; cells: (string | number)[] }[] = columns.map(({ name }) => ({
    name,
    cells: [],
  }));
  for (let row = 0; row < rows; row += 1)
    columns.forEach(({ generator }, at) => made[at]?.cells.push(generators[generator](faker)));
  return made;
}
