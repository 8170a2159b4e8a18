namespace Sluice.Coordination;

/// <summary>
/// After the server's clock was set back, deadlines written before lie in a future that is further away than their own durations: nobody would die
/// and nothing would be due for that long (P3c). The next beat brings each of them back to now + its duration. A clock that was set forward needs
/// nothing: it fences everybody at once, which is safe.
/// </summary>
internal static class ClockSetBack
{
    public static void Clamp(PartitionDraft draft)
    {
        long now = draft.Now;
        foreach ((IncarnationId incarnation, Member member) in draft.Members.ToArray())
            draft.PutMember(incarnation, member, member with { LeaseDeadline = Clamp(member.LeaseDeadline, now, member.Lease) });
        foreach ((ResourceKey resource, OpenRecord record) in draft.Open.ToArray())
        {
            if (!record.HasUpdates || record.CreatedAt <= now)
            {
                draft.Put(resource, record, record with { Due = Clamp(record.Due, now, record.DueAfter) });
                continue;
            }

            long hard = record.HardDue == Durations.Never ? Durations.Never : Durations.After(now, record.HardDue - record.CreatedAt);
            draft.Put(resource, record, record with { CreatedAt = now, HardDue = hard, Due = Math.Min(Clamp(record.Due, now, record.DueAfter), hard) });
        }

        foreach ((ResourceKey resource, SealedRecord record) in draft.Sealed.ToArray())
        {
            // What is delivered stays as it is, its times of the future included: all deliveries of a generation are alike (I4).
            draft.Put(resource, record, record with { LeaseDeadline = Clamp(record.LeaseDeadline, now, record.Lease) });
        }
    }

    private static long Clamp(long deadline, long now, long duration) => deadline == Durations.Never ? deadline : Math.Min(deadline, Durations.After(now, duration));
}
