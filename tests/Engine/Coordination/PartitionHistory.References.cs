using Sluice.Coordination;
using Xunit;

namespace Sluice.Tests.Coordination;

/// <content>References: what is held has a generation, and whoever lets go last gets the claim.</content>
internal sealed partial class PartitionHistory
{
    /// <summary>What the author of a batch that let go last was told.</summary>
    internal enum LastReleaseAnswer
    {
        /// <summary>The generation before is still sealed.</summary>
        Blocked,

        Claimed,

        /// <summary>A copy was answered, and the claim was still there.</summary>
        ClaimedAgain,

        /// <summary>A copy was answered when somebody else had taken over.</summary>
        TakenOver,
    }

    internal static class LastReleaseAnswers
    {
        public static LastReleaseAnswer Of(FlushReply reply, ReleasedItem item) =>
            item.Token == 0 ? LastReleaseAnswer.Blocked
            : !reply.Claims.Any(claim => claim.Token == item.Token) ? LastReleaseAnswer.TakenOver
            : reply.Status == FlushStatus.Applied ? LastReleaseAnswer.Claimed : LastReleaseAnswer.ClaimedAgain;
    }

    /// <summary>What somebody who does not hold a resource says of one that nobody holds is nobody's: only a reference begins a generation.</summary>
    private bool IsOfNobody(PartitionState before, BatchItem item) =>
        countsReferences && !item.Holds && before.Open.GetValueOrDefault(item.Resource) is not { HasUpdates: true };

    private void Released(PartitionState before, PartitionState after, FlushRequest request, FlushReply reply)
    {
        if (!countsReferences)
        {
            Assert.True(reply.Released.IsEmpty && reply.Claims.IsEmpty);
            return;
        }

        List<int> last = [];
        for (int i = 0; i < request.Items.Length; i++)
        {
            ResourceKey resource = request.Items[i].Resource;
            bool held = before.Owned.GetValueOrDefault(request.Incarnation)?.ContainsKey(resource) ?? false;
            if (held && !request.Items[i].Holds && before.Open[resource].Holders == 1)
                last.Add(i);
        }

        foreach (BatchItem item in request.Items)
            Assert.True(!IsOfNobody(before, item) || after.Open.GetValueOrDefault(item.Resource) is not { HasUpdates: true });

        // Exactly those who were the last ones out are told so, and get the claim unless the generation before is in the way.
        Assert.Equal(last, reply.Released.Select(static item => item.Index));
        Assert.Equal(reply.Released.Where(static item => item.Token != 0).Select(static item => item.Token), reply.Claims.Select(static claim => claim.Token));
        foreach (ReleasedItem item in reply.Released)
        {
            ResourceKey resource = request.Items[item.Index].Resource;
            Assert.Equal(before.Sealed.ContainsKey(resource), item.Token == 0);
            Assert.Equal(before.Open[resource].Generation, item.Generation);
        }

        foreach (ClaimedSession claim in reply.Claims)
        {
            ClaimTicket ticket = new(claim.Resource, claim.Generation, claim.Token);
            Assert.True(IsCurrent(after, ticket));
            _tickets.Add(ticket);
            Delivered(claim);
        }
    }

    /// <summary>A copy may tell of its own batch's claims, as long as they stand, and of nothing else.</summary>
    private void ReleasedAgain(PartitionState state, FlushRequest request, FlushReply reply)
    {
        foreach (ClaimedSession claim in reply.Claims)
        {
            Assert.True(request.Number == reply.Last && reply.Released.Any(item => item.Token == claim.Token && request.Items[item.Index].Resource.Equals(claim.Resource)));
            Assert.True(IsCurrent(state, new ClaimTicket(claim.Resource, claim.Generation, claim.Token)));
            Delivered(claim);
        }
    }
}
