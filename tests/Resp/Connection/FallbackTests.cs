using Sluice.Resp.Connection;
using Xunit;

#pragma warning disable CA2012 // what the tests are about: tasks that are kept, and awaited later

namespace Sluice.Resp.Tests.Connection;

/// <summary>The other form of a refused command goes out once, on the same connection, whatever happens to the connection meanwhile.</summary>
public sealed class FallbackTests
{
    private const string NoScript = "-NOSCRIPT No matching script.\r\n";

    // After a restart or a flush every script's first call is refused.
    [Theory]
    [InlineData(Wire.Sockets)]
    [InlineData(Wire.Pipes)]
    [InlineData(Wire.Streams)]
    public async Task A_refused_command_goes_out_in_its_other_form_and_gets_that_reply(Wire wire)
    {
        await using ScriptedServer server = new(wire);
        _ = server.ServeAsync(static command => command[0] == "EVALSHA" ? NoScript : $":{command[1]}\r\n");
        await using LinkUnderTest link = LinkUnderTest.To(server);
        OtherName eval = new("EVAL");

        Task<long>[] replies = [.. Enumerable.Range(0, 500).Select(n => (n % 2 == 0 ? link.WithFallback(eval, default, "EVALSHA", $"{n}") : link.Int64("ECHO", $"{n}")).AsTask())];

        Assert.Equal(Enumerable.Range(0, 500).Select(static n => (long)n), await Task.WhenAll(replies).Soon());
    }

    // A server that refuses both forms must not keep the client busy for ever.
    [Fact]
    public async Task The_other_form_is_tried_once()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        int commands = 0;
        _ = server.ServeAsync(_ => { commands++; return NoScript; });
        await using LinkUnderTest link = LinkUnderTest.To(server);

        RespServerException refused = await Assert.ThrowsAsync<RespServerException>(() => link.WithFallback(new OtherName("EVAL"), default, "EVALSHA", "1").Soon());

        Assert.Equal(RespErrorKind.NoScript, refused.Kind);
        Assert.Equal(2, commands);
    }

    // The place in the ring is gone when the refusal comes. While others hold all places the command waits outside of ring and backlog, and must still expire.
    [Fact]
    public async Task With_the_ring_full_the_other_form_waits_for_room_and_its_deadline_holds()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { RingSize = 2 } }, new Hog(out Hog hog));
        ServerSession session = await OpenAsync(server, link);
        hog.Link = link;
        OtherName eval = new("EVAL");
        ValueTask<long> waits = link.WithFallback(eval, default, "EVALSHA", "1");
        ValueTask<long> expires = link.WithFallback(eval, new SendTerms(200, default), "EVALSHA", "2");
        await session.ReadCommandAsync().Soon();
        await session.ReadCommandAsync().Soon();

        // The push makes the listener fill the places that the refusals leave, on the reader's thread, before the other forms can have them.
        await session.SendAsync($"{NoScript}>1\r\n+fill\r\n{NoScript}>1\r\n+fill\r\n");

        RespTimeoutException late = await Assert.ThrowsAsync<RespTimeoutException>(() => expires.Soon());
        Assert.InRange(hog.Sent.Count, 2, 2);
        await session.SendAsync(":11\r\n:12\r\n");
        Assert.Equal(11, await hog.Sent[0].Soon());
        Assert.Equal(12, await hog.Sent[1].Soon());
        Assert.Equal("FILL", (await session.ReadCommandAsync().Soon())![0]);
        Assert.Equal("FILL", (await session.ReadCommandAsync().Soon())![0]);
        await session.ExpectAsync("EVAL", "1");
        await session.SendAsync(":1\r\n");
        Assert.Equal(1, await waits.Soon());
        Assert.Equal(CommandOutcome.Unknown, late.Outcome);
    }

    // The second form never left, but the first did; a script that produces the refusal's text itself has run: a caller that sends it again could do it twice.
    [Fact]
    public async Task When_the_connection_dies_before_the_other_form_left_the_command_may_have_run()
    {
        await using ScriptedServer server = new(Wire.Pipes);
        await using LinkUnderTest link = LinkUnderTest.To(server, static terms => terms with { Connection = terms.Connection with { RingSize = 1 } }, new Hog(out Hog hog));
        ServerSession session = await OpenAsync(server, link);
        hog.Link = link;
        ValueTask<long> refused = link.WithFallback(new OtherName("EVAL"), default, "EVALSHA", "1");
        await session.ReadCommandAsync().Soon();
        await session.SendAsync($"{NoScript}>1\r\n+fill\r\n");
        await Patience.UntilAsync(() => hog.Sent.Count == 1, "the ring is full");

        session.Dispose();

        RespConnectionException lost = await Assert.ThrowsAsync<RespConnectionException>(() => refused.Soon());
        Assert.Equal(CommandOutcome.Unknown, lost.Outcome);
        Assert.Equal(CommandOutcome.Unknown, (await Assert.ThrowsAsync<RespConnectionException>(() => hog.Sent[0].Soon())).Outcome);
    }

    private static async Task<ServerSession> OpenAsync(ScriptedServer server, LinkUnderTest link)
    {
        await link.OpenAsync();
        return await server.AcceptAsync();
    }

    /// <summary>Takes a place in the ring whenever the server pushes something.</summary>
    private sealed class Hog : ILinkListener
    {
        public Hog(out Hog self) => self = this;

        public LinkUnderTest? Link { get; set; }

        public List<ValueTask<long>> Sent { get; } = [];

        public void OnOpened(RespLink link, RespConnection connection)
        {
        }

        public void OnClosed(RespLink link, Exception reason)
        {
        }

        public void OnPush(RespLink link, ref RespReader push) => Sent.Add(Link!.Int64("FILL"));
    }
}
