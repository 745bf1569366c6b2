/** Cores are counted as a container's CPU quota leaves them. */

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cpuQuota, usableCores } from '../../src/broker/cpu-quota.ts'

const reader = (files: Readonly<Record<string, string>>) => (path: string) => files[path]

test('without control groups the machine’s cores count', () => {
  assert.is(cpuQuota(reader({})), undefined)
  assert.is(usableCores({ readText: reader({}), cores: 6 }), 6)
})

test('version 2: the quota of a container is in the root that it sees', () => {
  const readText = reader({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '200000 100000\n' })
  assert.is(cpuQuota(readText), 2)
  assert.is(usableCores({ readText, cores: 16 }), 2)
})

test('version 2: no quota is the word max', () => {
  assert.is(cpuQuota(reader({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })), undefined)
})

test('version 2: the tightest group from the process up counts', () => {
  const readText = reader({
    '/proc/self/cgroup': '0::/kubepods/pod1/box\n',
    '/sys/fs/cgroup/kubepods/pod1/box/cpu.max': 'max 100000',
    '/sys/fs/cgroup/kubepods/pod1/cpu.max': '350000 100000',
    '/sys/fs/cgroup/kubepods/cpu.max': '800000 100000',
  })
  assert.is(cpuQuota(readText), 3.5)
  assert.is(usableCores({ readText, cores: 16 }), 3)
})

test('version 1: quota and period lie in files of their own', () => {
  const readText = reader({
    '/proc/self/cgroup': '12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  })
  assert.is(cpuQuota(readText), 1.5)
  assert.is(usableCores({ readText, cores: 4 }), 1)
})

test('version 1: -1 means no quota', () => {
  const readText = reader({
    '/proc/self/cgroup': '4:cpu:/\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  })
  assert.is(cpuQuota(readText), undefined)
})

test('less than one core still is one', () => {
  const readText = reader({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000' })
  assert.is(usableCores({ readText, cores: 4 }), 1)
})

test('a quota above the machine’s cores changes nothing', () => {
  const readText = reader({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '900000 100000' })
  assert.is(usableCores({ readText, cores: 4 }), 4)
})

test.run()
