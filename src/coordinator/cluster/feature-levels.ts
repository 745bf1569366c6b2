/** Answers UpdateFeatures: the levels are those of the code, so that only an update to what is already there succeeds. */

import { features } from '../../base/features.ts'
import { ErrorCode } from '../../wire/generated/errors.ts'
import {
  makeUpdateFeaturesResponse,
  makeUpdateFeaturesResponseUpdatableFeatureResult,
  type UpdateFeaturesRequest,
  type UpdateFeaturesResponse,
} from '../../wire/generated/update-features.ts'

type FeatureUpdate = UpdateFeaturesRequest['featureUpdates'][number]

/** Kafka's numbers of the kinds of updates. */
const upgradeTypes = { upgrade: 1, safeDowngrade: 2, unsafeDowngrade: 3 } as const
/** From here on an answer lists no features. */
const briefVersion = 2

/** Answers UpdateFeatures; the first update that is refused refuses them all, as in Kafka. Never changes anything. */
export function answerUpdateFeatures(
  request: UpdateFeaturesRequest,
  { nodeId, apiVersion }: { readonly nodeId: number; readonly apiVersion: number },
): UpdateFeaturesResponse {
  for (const update of request.featureUpdates) {
    const problem = problemOf(update, { nodeId, upgradeType: upgradeTypeOf(update, apiVersion) })
    if (problem === undefined) continue
    return makeUpdateFeaturesResponse({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage: `The update failed for all features since the following feature had an error: ${problem}`,
      results: [],
    })
  }
  const results = apiVersion >= briefVersion ? [] : request.featureUpdates.map(({ feature }) => unchanged(feature))
  return makeUpdateFeaturesResponse({ errorMessage: null, results })
}

/** Version 0 knew only whether a downgrade is allowed. */
function upgradeTypeOf({ allowDowngrade, upgradeType }: FeatureUpdate, apiVersion: number): number {
  if (apiVersion > 0) return upgradeType
  return allowDowngrade ? upgradeTypes.safeDowngrade : upgradeTypes.upgrade
}

function problemOf(
  { feature, maxVersionLevel }: FeatureUpdate,
  { nodeId, upgradeType }: { readonly nodeId: number; readonly upgradeType: number },
): string | undefined {
  const invalid = `Invalid update version ${maxVersionLevel} for feature ${feature}.`
  const isKnownType = Object.values<number>(upgradeTypes).includes(upgradeType)
  if (!isKnownType) return `${invalid} The controller does not support the given upgrade type.`
  if (maxVersionLevel < 0) return `${invalid} A feature version cannot be less than 0.`
  const known = features.find(({ name }) => name === feature)
  if (known === undefined) {
    const reason =
      maxVersionLevel === 0
        ? `Feature ${feature} not found.`
        : `Local controller ${nodeId} does not support this feature.`
    return `${invalid} ${reason}`
  }
  const { least, greatest } = known
  if (maxVersionLevel < least || maxVersionLevel > greatest) {
    return `${invalid} Local controller ${nodeId} only supports versions ${least}-${greatest}`
  }
  if (maxVersionLevel === greatest) return undefined
  if (upgradeType === upgradeTypes.upgrade) {
    const hint = 'without setting the upgrade type to either safe or unsafe downgrade.'
    return `${invalid} Can't downgrade the version of this feature ${hint}`
  }
  if (feature !== 'metadata.version') return `${invalid} This broker runs it at version ${greatest} only.`
  const reason =
    upgradeType === upgradeTypes.safeDowngrade
      ? 'Refusing to perform the requested downgrade because it might delete metadata information.'
      : 'Unsafe metadata downgrade is not supported in this version.'
  return `Unsupported metadata.version downgrade from ${greatest} to ${maxVersionLevel}. ${reason}`
}

function unchanged(feature: string): UpdateFeaturesResponse['results'][number] {
  // Kafka puts the error's name where a message would be.
  return makeUpdateFeaturesResponseUpdatableFeatureResult({ feature, errorMessage: 'NONE' })
}
