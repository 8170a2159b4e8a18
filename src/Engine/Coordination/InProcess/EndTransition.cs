namespace Sluice.Coordination;

/// <summary>
/// Ends every open session of a partition now, whoever holds it: when the last engine of a coordinator that lives in the process stops, or when a
/// layout is drained. What holders add later is the next generation.
/// </summary>
internal static class EndTransition
{
    public static (PartitionState State, EndReply Reply) Apply(PartitionState state, long now, EndRequest request)
    {
        PartitionDraft draft = new(state, now, request.Seen);
        int ended = 0;
        foreach ((ResourceKey resource, OpenRecord record) in state.Open)
        {
            if (!record.HasUpdates || record.Forced)
                continue;
            CompletionReason reason = record.Holders == 0 ? record.Reason : request.Reason;
            draft.Put(resource, record, record with { Forced = true, Due = Math.Min(record.Due, now), DueAfter = 0, Reason = reason });
            ended++;
        }

        PartitionState result = draft.Commit();
        return (result, new EndReply(ended, now, result.NextDue));
    }
}
