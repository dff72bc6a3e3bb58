// Both codecs keep the same contract. Where the native addon is not built its tests show as skipped.

import { portableCodec } from "../../src/codec/portable/codec.ts"
import { codecContract } from "../contract/codec.ts"
import { nativeOrSkip } from "../contract/codec-native.ts"

codecContract("portable", portableCodec())
codecContract("native", nativeOrSkip())
