/**
 * DescribeLogDirs (key 35), versions 1-5: the log folders, and the sizes of what lies in them.
 *
 * Behaviour: the coordinator's: one folder; the owners tell the sizes. The front forwards the request's bytes to main as they are.
 * Versions: 4 brought the size of the volume, 5 whether the folder is cordoned, which it never is.
 */

import { defineForwarded } from './api.ts'

export const describeLogDirs = defineForwarded({ key: 35, versions: [1, 5] })
