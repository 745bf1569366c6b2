/** The coordinator of access control lists: keeps and tells them where an authorizer is set. Nothing is refused by them yet. */

import type { Random } from '../../base/random.ts'
import { type CreateAclsRequest, createAclsApi } from '../../wire/generated/create-acls.ts'
import { type DeleteAclsRequest, deleteAclsApi } from '../../wire/generated/delete-acls.ts'
import { type DescribeAclsRequest, describeAclsApi } from '../../wire/generated/describe-acls.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import type { Refusal } from '../configs/alter.ts'
import type { RequestContext } from '../ports.ts'
import type { ChangeLog } from '../topics/change-log.ts'
import {
  answerDescribeAcls,
  decideCreateAcls,
  decideDeleteAcls,
  refuseCreateAcls,
  refuseDeleteAcls,
  refuseDescribeAcls,
} from './requests.ts'
import { codesOf, isNonsense } from './rules.ts'

type Reply = (response: unknown) => void

/** Kafka says the same with and without the words for where. */
const disabled: Refusal = { errorCode: ErrorCode.SECURITY_DISABLED, message: 'No Authorizer is configured.' }
const disabledOnBroker: Refusal = { ...disabled, message: 'No Authorizer is configured on the broker' }

/** Answers CreateAcls, DeleteAcls and DescribeAcls over the metadata log. */
export class AclCoordinator {
  readonly apiKeys: readonly number[] = [describeAclsApi.key, createAclsApi.key, deleteAclsApi.key]
  readonly #changes: ChangeLog
  readonly #random: Random
  /** Whether `authorizer.class.name` is set: without it Kafka keeps no lists. */
  readonly #hasAuthorizer: boolean

  constructor(options: { readonly changes: ChangeLog; readonly random: Random; readonly hasAuthorizer: boolean }) {
    this.#changes = options.changes
    this.#random = options.random
    this.#hasAuthorizer = options.hasAuthorizer
  }

  /** Answers one request; here what the registry decoded gets its type back. */
  handle(context: RequestContext, request: unknown, reply: Reply): void {
    switch (context.apiKey) {
      case createAclsApi.key:
        this.#create(request as CreateAclsRequest, reply)
        break
      case deleteAclsApi.key:
        this.#delete(request as DeleteAclsRequest, reply)
        break
      case describeAclsApi.key:
        this.#describe(request as DescribeAclsRequest, reply)
        break
      default:
        reply('close')
    }
  }

  /** Nothing here belongs to a connection. */
  connectionClosed(_connectionId: string): void {}

  #create(request: CreateAclsRequest, reply: Reply): void {
    const hasNonsense = request.creations.some((creation) =>
      isNonsense({ ...creation, patternType: creation.resourcePatternType }),
    )
    if (hasNonsense) reply('close')
    else if (!this.#hasAuthorizer) reply(refuseCreateAcls(request, disabled))
    else {
      const decide = () => decideCreateAcls(this.#changes.state.acls, request, this.#random)
      this.#changes.change(decide, (refusal) => refuseCreateAcls(request, refusal), reply)
    }
  }

  #delete(request: DeleteAclsRequest, reply: Reply): void {
    if (request.filters.some((filter) => isNonsense(codesOf(filter)))) reply('close')
    else if (!this.#hasAuthorizer) reply(refuseDeleteAcls(request, disabled))
    else {
      const decide = () => decideDeleteAcls(this.#changes.state.acls, request)
      this.#changes.change(decide, (refusal) => refuseDeleteAcls(request, refusal), reply)
    }
  }

  #describe(request: DescribeAclsRequest, reply: Reply): void {
    if (isNonsense(codesOf(request))) reply('close')
    else if (!this.#hasAuthorizer) reply(refuseDescribeAcls(disabledOnBroker))
    else this.#changes.tell(() => answerDescribeAcls(this.#changes.state.acls, request), refuseDescribeAcls, reply)
  }
}
