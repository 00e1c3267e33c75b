/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy's file of any bytes.  What is taken can be put to use; what is refused names the file
 * and, of its own text, the line.
 */
#include "fuzz.h"

#include "policy/policy.h"

#define NAME "no-such-folder/fuzz.yaml"

static void check_faults(const struct policy_faults *faults)
{
	assert(faults->count > 0);
	for (size_t i = 0; i < faults->count && i < POLICY_FAULTS_MOST; i++) {
		fuzz_check_refusal(&faults->list[i]);
		assert(strstr(faults->list[i].text, NAME));
	}
}

static void check_policy(const struct policy *policy)
{
	struct memcage_spec spec = SPEC_EMPTY;
	struct memcage_error err;

	assert(policy->file_count >= 1 && policy->file_count <= POLICY_SOURCES_MOST);
	for (size_t i = 0; i < policy->count; i++)
		assert(policy->values[i].key && policy->values[i].file);
	assert(policy_apply(policy, &spec, &err) == 0);
	spec_release(&spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy_faults faults;
	auto_free char *text = malloc(size + 1);
	struct policy policy;

	assert(text);
	*(char *) mempcpy(text, data, size) = '\0';
	if (policy_load_text(NAME, text, size, &policy, &faults) < 0) {
		check_faults(&faults);
		assert(policy.count == 0);
		return 0;
	}
	check_policy(&policy);
	policy_release(&policy);
	return 0;
}
