/** The coordinator of client quotas: keeps and tells the limits that were set. */

import { type AlterClientQuotasRequest, alterClientQuotasApi } from '../../wire/generated/alter-client-quotas.ts'
import {
  type DescribeClientQuotasRequest,
  describeClientQuotasApi,
} from '../../wire/generated/describe-client-quotas.ts'
import type { RequestContext } from '../ports.ts'
import type { ChangeLog } from '../topics/change-log.ts'
import {
  answerDescribeClientQuotas,
  decideAlterClientQuotas,
  refuseAlterClientQuotas,
  refuseDescribeClientQuotas,
} from './requests.ts'

/** Answers AlterClientQuotas and DescribeClientQuotas over the metadata log. */
export class QuotaCoordinator {
  readonly apiKeys: readonly number[] = [describeClientQuotasApi.key, alterClientQuotasApi.key]
  readonly #changes: ChangeLog

  constructor(options: { readonly changes: ChangeLog }) {
    this.#changes = options.changes
  }

  /** Answers one request; here what the registry decoded gets its type back. */
  handle(context: RequestContext, request: unknown, reply: (response: unknown) => void): void {
    if (context.apiKey === alterClientQuotasApi.key) this.#alter(request as AlterClientQuotasRequest, reply)
    else this.#describe(request as DescribeClientQuotasRequest, reply)
  }

  /** Nothing here belongs to a connection. */
  connectionClosed(_connectionId: string): void {}

  #alter(request: AlterClientQuotasRequest, reply: (response: unknown) => void): void {
    const decide = () => decideAlterClientQuotas(this.#changes.state, request)
    this.#changes.change(decide, (refusal) => refuseAlterClientQuotas(request, refusal), reply)
  }

  #describe(request: DescribeClientQuotasRequest, reply: (response: unknown) => void): void {
    const answer = () => answerDescribeClientQuotas(this.#changes.state, request)
    this.#changes.tell(answer, refuseDescribeClientQuotas, reply)
  }
}
