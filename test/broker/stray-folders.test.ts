/** Folders that no topic has: what was deleted goes, what nobody knows is kept under another name, and the rest is left alone. */

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { lineLogger } from '../../src/base/logger.ts'
import { seededRandom } from '../../src/base/random.ts'
import { sortOutStrays } from '../../src/broker/stray-folders.ts'
import { Admin } from '../../src/client/admin.ts'
import { writeOwner } from '../../src/log/local/partition-files.ts'
import { onRealDisk } from '../log/log-fixture.ts'
import { partitionSettings } from './fake-agents.ts'
import { createTopic, sendValues, withClient } from './records.ts'
import { startTestBroker, until } from './test-broker.ts'

const deleted = 'd'.repeat(32)
const kept = '1'.repeat(32)

test('deleted topics go, unknown ones are set aside, and everything else stays', async () => {
  await onRealDisk((disk, root) => {
    const long = 'l'.repeat(247)
    for (const name of [
      'gone-0',
      'kept-0',
      'kept-2',
      'foreign-0',
      `${long}-1`,
      '__cluster_metadata-0',
      'backup-2024',
    ]) {
      mkdirSync(join(root, name))
    }
    writeFileSync(join(root, 'file-7'), '')
    writeOwner(disk, 'gone-0', deleted)
    writeOwner(disk, 'kept-0', kept)
    writeOwner(disk, 'kept-2', kept)
    for (const name of ['foreign-0', `${long}-1`]) writeFileSync(join(root, name, '00000000000000000000.log'), '')
    const lines: string[] = []
    const leaderEpochs: number[] = []
    const topic = {
      name: 'kept',
      id: kept,
      isInternal: false,
      settings: partitionSettings,
      partitionCount: 2,
      leaderEpochs,
    }
    const logger = lineLogger('info', (line) => lines.push(line))
    sortOutStrays({ disk, topics: [topic], removedIds: new Set([deleted]), random: seededRandom(1), logger })
    const names = readdirSync(root).map((name) => name.replace(/\.[0-9a-f]{32}-(stray|delete)$/, '.*-$1'))
    assert.equal(names.filter((name) => !name.endsWith('-delete')).sort(), [
      '__cluster_metadata-0',
      'backup-2024',
      'file-7',
      'foreign-0.*-stray',
      'kept-0',
      'kept-2.*-stray',
      `${'l'.repeat(255 - 39)}.*-stray`,
    ])
    assert.match(lines[0] ?? '', 'removed 1 folders of topics whose deletion had been cut short')
    assert.match(lines[1] ?? '', 'folders of no topic were set aside')
    assert.is(lines.length, 2)
  })
})

test('a broker that was killed while it deleted a topic finishes that at its next start', async () => {
  let broker = await startTestBroker({ owners: 0 })
  const { directory, port } = broker
  try {
    for (const name of ['doomed', 'kept']) await createTopic(broker.address, { name, partitions: 1 })
    await withClient(broker.address, async (client) => {
      for (const topic of ['doomed', 'kept']) await sendValues(client, { topic, partition: 0, values: ['a'] })
      cpSync(join(directory, 'doomed-0'), join(directory, 'copy'), { recursive: true })
      await new Admin(client).deleteTopic('doomed')
    })
    await broker.broker.stop()
    // As if the folder's turn had not come.
    renameSync(join(directory, 'copy'), join(directory, 'doomed-0'))
    broker = await startTestBroker({ owners: 0 }, { directory, port })
    await until('it is gone', () => readdirSync(directory).every((name) => !/^doomed|-delete$/.test(name)))
    assert.ok(existsSync(join(directory, 'kept-0')))
  } finally {
    await broker.close()
  }
})

test.run()
