using Sluice.Aggregates;
using Sluice.Coordination;
using Xunit;

namespace Sluice.Harness.Conformance;

/// <summary>Live values and lists, and what keeps namespaces apart.</summary>
public abstract partial class CoordinatorConformance
{
    // Prevents: a live value that leaves out what is being completed, or that counts it twice.
    [Fact]
    public async Task Peek_shows_the_open_and_the_sealed_generation_apart()
    {
        ClaimedSession session = Assert.Single(await CompleteSessionsAsync("a"));
        LaneUnderTest lane = await Partition.NewLaneAsync();
        await lane.FlushAsync(Item.Hold("a", 7));
        PeekReply reply = await Partition.SendAsync(new PeekRequest([ResourceKey.Of("nobody"), ResourceKey.Of("a")]));
        PeekedResource nobody = reply.Resources[0];
        Assert.Equal((true, 0, 0, 0, true, 0), (
            nobody.Open.IsEmpty, nobody.Holders, nobody.TimesModified, nobody.Generation, nobody.Sealed.IsEmpty, nobody.SealedGeneration));
        PeekedResource a = reply.Resources[1];
        Assert.Equal((7, 1, 1, 1), (Item.Hits(a.Open), a.Holders, Item.Hits(a.Sealed), a.TimesModified));
        Assert.Equal(session.Generation, a.SealedGeneration);
        Assert.True(a.Generation > a.SealedGeneration);
    }

    // Prevents: a person who looks for the holder of a resource being sent to the wrong engine.
    [Fact]
    public async Task Holders_and_members_are_listed_in_the_order_of_their_identities()
    {
        LaneUnderTest first = await Partition.NewLaneAsync();
        LaneUnderTest second = await Partition.NewLaneAsync();
        LaneUnderTest cold = await Partition.NewLaneAsync();
        await second.FlushAsync(Item.Hold("a"), Item.Hold("b"));
        await first.FlushAsync(Item.Hold("a", 1));
        await cold.FlushAsync(Item.Drop("a", 1));
        await cold.FlushAsync(Item.Drop("a", 1));
        Assert.Equal(new[] { first.Incarnation, second.Incarnation }.Order(), await Partition.HoldersAsync("a"));
        Assert.Equal([second.Incarnation], await Partition.HoldersAsync("b"));
        Assert.Empty(await Partition.HoldersAsync("c"));
        IReadOnlyList<MemberEntry> members = await Partition.MembersAsync();
        Assert.Equal(members.OrderBy(static member => member.Incarnation), members);
        Assert.Equal((1, 2), (members.Single(member => member.Incarnation == second.Incarnation).Applied, (await Partition.MemberAsync(second))!.Held));
        Assert.Equal((2, 0), ((await Partition.MemberAsync(cold))!.Applied, (await Partition.MemberAsync(cold))!.Held));
    }

    // Prevents: a list of claims without a bound.
    [Fact]
    public async Task The_list_of_sealed_sessions_is_bounded()
    {
        IReadOnlyList<ClaimedSession> sessions = await CompleteSessionsAsync("a", "b", "c");
        Assert.Equal(2, (await Partition.SealedAsync(limit: 2)).Count);
        Assert.Equal(
            sessions.Select(static session => (session.Resource, session.Generation, session.Token)).Order(),
            (await Partition.SealedAsync()).Select(static entry => (entry.Resource, entry.Generation, entry.Token)).Order());
    }

    // Prevents: version 2 of an aggregate reading version 1's bytes, or another application's sessions being claimed.
    [Theory]
    [InlineData("another field", false)]
    [InlineData("another name", false)]
    [InlineData("another prefix", false)]
    [InlineData("another partition", false)]
    [InlineData("the same again", true)]
    public async Task Namespaces_and_partitions_are_apart_unless_everything_is_the_same(string difference, bool isShared)
    {
        PartitionUnderTest other = difference switch
        {
            "another field" => new(_server, _server.Namespace(new AggregateSchema("conformance", new FieldSchema("Hits", "sum.i64"), new FieldSchema("More", "sum.i64")))),
            "another name" => new(_server, _server.Namespace(new AggregateSchema("conformance2", new FieldSchema("Hits", "sum.i64")))),
            "another prefix" => new(_server, _server.Namespace(Item.Schema, suffix: "2")),
            "another partition" => new(_server, _server.Namespace(Item.Schema), partition: 1),
            _ => new(_server, _server.Namespace(new AggregateSchema("conformance", new FieldSchema("Hits", "sum.i64")))),
        };
        LaneUnderTest here = await Partition.NewLaneAsync(AtOnce);
        LaneUnderTest there = await other.NewLaneAsync(AtOnce);
        await here.FlushAsync(Item.Hold("a", 1));
        Assert.Equal(FlushStatus.Applied, (await there.FlushAsync(Item.Hold("a", 10))).Status);
        Assert.Equal(isShared ? 11 : 10, Item.Hits((await other.PeekAsync("a")).Open));
        await here.FlushAsync(Item.Drop("a"));
        Assert.Equal(isShared ? 2 : 1, (await Partition.MembersAsync()).Count);
        Assert.Empty((await other.ClaimAsync()).Claims);
        Assert.Equal(isShared ? 0 : 1, (await Partition.ClaimAsync()).Claims.Length);
    }
}
