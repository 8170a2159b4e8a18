using Sluice.Resp.Connection;
using Xunit;

namespace Sluice.Resp.Tests.PubSub;

/// <summary>Redis 6 sends invalidations between the elements of a reply.</summary>
public sealed class NestedPushTests
{
    // Prevents both halves of that bug from hurting: the push must not be lost (a stale value for ever), and must not count as an element (all later replies shifted).
    [Fact]
    public async Task A_push_inside_a_reply_is_lifted_out_and_told_behind_it()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        ScriptedServer server = new();
        Listener listener = new();
        await using RespLink link = new(server.Terms, listener);
        link.Start();
        ScriptedSession session = await server.AcceptAsync(token);
        ReplySlot slot = link.Rent(ReplyKind.Collected, default);
        Keeper keeper = new(listener.Order);
        slot.SetCollector(keeper);
        ValueTask reply = new(slot, slot.Token);
        link.Send("*1\r\n$4\r\nMGET\r\n"u8, slot);
        ReplySlot after = link.Rent(ReplyKind.Text, default);
        ValueTask<string?> pong = new(after, after.Token);
        link.Send("*1\r\n$4\r\nPING\r\n"u8, after);
        await session.ExpectAsync("MGET", "PING");
        await session.SendAsync("*2\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n$1\r\nv\r\n");
        Assert.False(reply.IsCompleted);
        await session.SendAsync("*1\r\n>2\r\n+invalidate\r\n*1\r\n+l\r\n$1\r\nw\r\n>2\r\n+invalidate\r\n*1\r\n+m\r\n+PONG\r\n");

        await reply;
        RespValue both = keeper.Kept!;
        Assert.Equal(2, both.Items.Count);
        Assert.Equal("v", both.Items[0].AsString());
        Assert.Equal("w", Assert.Single(both.Items[1].Items).AsString());
        Assert.Equal("PONG", await pong);
        Assert.Equal(["reply", "k", "l", "m"], listener.Order);
    }

    private sealed class Keeper(List<string> order) : ReplyCollector
    {
        public RespValue? Kept { get; private set; }

        public override int Expected => 1;

        public override void Collect(int index, ref RespReader reply)
        {
            order.Add("reply");
            Kept = RespValue.Read(ref reply);
        }
    }

    private sealed class Listener : ILinkListener
    {
        public List<string> Order { get; } = [];

        public void OnOpened(RespLink link, RespConnection connection)
        {
        }

        public void OnClosed(RespLink link, Exception reason)
        {
        }

        public void OnPush(RespLink link, ref RespReader push)
        {
            push.MoveNext();
            Assert.Equal("invalidate", push.ReadString());
            push.MoveNext();
            push.MoveNext();
            Order.Add(push.ReadString()!);
        }
    }
}
