using System.Collections.Immutable;
using Sluice.Coordination;

namespace Sluice.Completing;

/// <content>
/// Opaque deltas are merged before a session is delivered, and what is delivered is what the coordinator has stored: so that every delivery has the same
/// content, whoever merged, and whatever the application's code makes of the same deltas another time.
/// </content>
internal sealed partial class Completer
{
    /// <summary>
    /// Merges the opaque deltas of claimed sessions and stores the result. A session whose code throws has failed; one that somebody else has completed is
    /// taken out of the unit.
    /// </summary>
    private async ValueTask FoldAsync(List<ClaimedWork> unit)
    {
        if (!_definition.Schema.HasOpaqueFields)
            return;
        foreach (IGrouping<int, ClaimedWork> group in unit.Where(work => work.Session.Attempt <= _terms.MaxAttempts).GroupBy(static work => work.Partition).ToArray())
        {
            // Again for those whose deltas somebody else has merged meanwhile; each time there are fewer of them, because a sealed session gets no more.
            ClaimedWork[] left = [.. group];
            while (left.Length != 0)
                left = await FoldAsync(group.Key, left, unit).ConfigureAwait(false);
        }
    }

    private async ValueTask<ClaimedWork[]> FoldAsync(int partition, ClaimedWork[] asked, List<ClaimedWork> unit)
    {
        List<(ClaimedWork Work, CompactionPlan Plan)> planned = [];
        foreach (ClaimedWork work in asked)
        {
            try
            {
                CompactionPlan plan = CompactionPlan.Of(_definition, work.Session.Resource, work.Session.Generation, work.Session.Fields);
                if (!plan.Compactions.IsEmpty)
                    planned.Add((work, plan));
            }
            catch (Exception e)
            {
                // The application's code: this session fails, the others go on.
                work.Fail(e);
            }
        }

        if (planned.Count == 0)
            return [];
        CompactRequest request = new([.. planned.SelectMany(static item => item.Plan.Compactions)]) { Seen = _seen[partition] };
        (CompactReply reply, _) = await SendAsync(partition, request).ConfigureAwait(false);
        List<ClaimedWork> unsure = [];
        int at = 0;
        foreach ((ClaimedWork work, CompactionPlan plan) in planned)
        {
            ImmutableArray<CompactStatus> statuses = reply.Statuses.Slice(at, plan.Compactions.Length);
            at += statuses.Length;
            if (statuses.All(static status => status == CompactStatus.Compacted))
                work.Fold(plan.Folded);
            else if (statuses.Contains(CompactStatus.Refused))
                work.Failure = "The coordinator refused what the opaque state's deltas were merged into.";
            else
                unsure.Add(work);
        }

        return unsure.Count == 0 ? [] : await LookAgainAsync(partition, unsure, unit).ConfigureAwait(false);
    }

    private async ValueTask<ClaimedWork[]> LookAgainAsync(int partition, List<ClaimedWork> unsure, List<ClaimedWork> unit)
    {
        PeekReply stored = await PeekAsync(partition, unsure).ConfigureAwait(false);
        List<ClaimedWork> left = [];
        for (int i = 0; i < unsure.Count; i++)
        {
            if (stored.Resources[i].SealedGeneration == unsure[i].Session.Generation)
            {
                unsure[i].Fold(stored.Resources[i].Sealed);
                left.Add(unsure[i]);
            }
            else
            {
                Drop(unsure[i], unit);
            }
        }

        return [.. left];
    }

    /// <summary>
    /// After the durability window: a server may have lost what was stored and kept the claim, if it lost writes right after the claim. Then nothing may be
    /// delivered: the next delivery would show another merge.
    /// </summary>
    private async ValueTask ConfirmFoldedAsync(List<ClaimedWork> unit)
    {
        foreach (IGrouping<int, ClaimedWork> group in unit.Where(static work => work.IsFolded && work.Failure is null).GroupBy(static work => work.Partition).ToArray())
        {
            List<ClaimedWork> asked = [.. group];
            PeekReply stored = await PeekAsync(group.Key, asked).ConfigureAwait(false);
            for (int i = 0; i < asked.Count; i++)
            {
                ClaimedSession session = asked[i].Session;
                PeekedResource found = stored.Resources[i];
                if (found.SealedGeneration != session.Generation || !found.Sealed.Span.SequenceEqual(session.Fields.Span))
                    Drop(asked[i], unit);
            }
        }
    }

    private async ValueTask<PeekReply> PeekAsync(int partition, List<ClaimedWork> asked) =>
        (await SendAsync(partition, new PeekRequest([.. asked.Select(static work => work.Session.Resource)])).ConfigureAwait(false)).Reply;

    private void Drop(ClaimedWork work, List<ClaimedWork> unit)
    {
        unit.Remove(work);
        _running.TryRemove(work.Identity, out _);
        _observer.OnClaimLost(work);
    }
}
