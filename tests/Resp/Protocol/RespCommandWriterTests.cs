using System.Globalization;
using System.Text;
using Xunit;

namespace Sluice.Resp.Tests.Protocol;

/// <summary>Commands as bytes: exactly sized, whatever the scratch memory.</summary>
public sealed class RespCommandWriterTests
{
    private static readonly RespCommandPrefix IncrBy = new("INCRBY", 2);

    private delegate void Writing(ref RespCommandWriter writer);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(13)]
    [InlineData(20)]
    [InlineData(100)]
    [InlineData(4096)]
    public void A_command_does_not_depend_on_the_scratch_memory(int scratch)
    {
        Assert.Equal(
            "*6\r\n$4\r\nHSET\r\n$4\r\n\u00c3\u00bcx\0\r\n$0\r\n\r\n$20\r\n-9223372036854775808\r\n$20\r\n18446744073709551615\r\n$3\r\n0.1\r\n",
            Format(scratch, static (ref RespCommandWriter writer) =>
            {
                writer.Write("HSET"u8);
                writer.Write("üx\0");
                writer.Write(""u8);
                writer.Write(long.MinValue);
                writer.Write(ulong.MaxValue);
                writer.Write(0.1);
            }));
    }

    [Fact]
    public void A_prefix_is_what_would_have_been_written()
    {
        Assert.Equal("*3\r\n$6\r\nINCRBY\r\n", Encoding.Latin1.GetString(IncrBy.Bytes));
        Assert.Equal("*4\r\n$6\r\nCLIENT\r\n$7\r\nSETNAME\r\n", Encoding.Latin1.GetString(new RespCommandPrefix("CLIENT SETNAME", 2).Bytes));
        foreach (int scratch in (int[])[0, 10, 20, 30, 200])
        {
            using RespCommandWriter writer = new(new byte[scratch], IncrBy);
            writer.Write("key");
            writer.Write(5L);
            Assert.Equal("*3\r\n$6\r\nINCRBY\r\n$3\r\nkey\r\n$1\r\n5\r\n", Encoding.Latin1.GetString(writer.Complete()));
        }

        Assert.Throws<ArgumentException>(() => new RespCommandPrefix(" ", 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RespCommandPrefix("GET", -1));
    }

    // The server would wait for the missing argument and take the next command for it.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void A_command_with_another_number_of_arguments_than_announced_is_refused(int arguments)
    {
        Assert.Throws<InvalidOperationException>(() =>
        {
            using RespCommandWriter writer = new(new byte[100], IncrBy);
            for (int i = 0; i < arguments; i++)
                writer.Write(1L);
            writer.Complete();
        });
    }

    [Fact]
    public void A_command_without_a_name_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => Format(100, static (ref RespCommandWriter _) => { }));

    // Replaced by U+FFFD, two keys would become one.
    [Fact]
    public void Half_a_surrogate_pair_is_refused()
    {
        Assert.Throws<EncoderFallbackException>(() => Format(100, static (ref RespCommandWriter writer) => writer.Write("a\ud800")));
        Assert.Throws<ArgumentNullException>(() => Format(100, static (ref RespCommandWriter writer) => writer.Write((string)null!)));
    }

    [Theory]
    [InlineData(double.PositiveInfinity, "inf")]
    [InlineData(double.NegativeInfinity, "-inf")]
    [InlineData(double.NaN, "nan")]
    [InlineData(0.30000000000000004, "0.30000000000000004")]
    [InlineData(-1.7976931348623157E+308, "-1.7976931348623157E+308")]
    [InlineData(5E-324, "5E-324")]
    [InlineData(100, "100")]
    public void A_double_reads_back_as_the_same_bits(double value, string spelled)
    {
        string command = Format(100, (ref RespCommandWriter writer) => writer.Write(value));
        Assert.Equal($"*1\r\n${spelled.Length.ToString(CultureInfo.InvariantCulture)}\r\n{spelled}\r\n", command);
        RespReader reader = new(Chunkings.Bytes(command).AsSpan(4));
        Assert.Equal(BitConverter.DoubleToInt64Bits(value), BitConverter.DoubleToInt64Bits(reader.ReadDouble()));
    }

    [Theory]
    [InlineData(9)]
    [InlineData(10)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(12345)]
    public void Counts_and_lengths_have_as_many_digits_as_they_need(int number)
    {
        string argument = new('x', number);
        string command = Format(64, (ref RespCommandWriter writer) =>
        {
            for (int i = 0; i < number; i++)
                writer.Write(i == 0 ? argument : "");
            Assert.Equal(number, writer.ArgumentCount);
        });
        Assert.StartsWith($"*{number}\r\n${number}\r\n{argument}\r\n$0\r\n\r\n", command, StringComparison.Ordinal);
        Assert.True(new FrameScanner(RespLimits.Default).TryScan(Chunkings.Bytes(command), out Frame frame));
        Assert.Equal(command.Length, frame.Length);
    }

    [Fact]
    public void A_writer_begins_again_in_the_same_memory()
    {
        using RespCommandWriter writer = new(stackalloc byte[32]);
        for (int i = 0; i < 3; i++)
        {
            writer.Write("PING"u8);
            Assert.Equal("*1\r\n$4\r\nPING\r\n", Encoding.Latin1.GetString(writer.Complete()));
            writer.Reset();
        }
    }

    [Fact]
    public void Writing_allocates_nothing()
    {
        byte[] scratch = new byte[256];
        Write(scratch);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Write(scratch);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Write(byte[] scratch)
        {
            using RespCommandWriter writer = new(scratch, IncrBy);
            writer.Write("some:key");
            writer.Write(123456L);
            writer.Complete();
            using RespCommandWriter other = new(scratch);
            other.Write("SET"u8);
            other.Write("ключ");
            other.Write(1.5);
            other.Complete();
        }
    }

    private static string Format(int scratch, Writing writing)
    {
        // A using local can't be passed by reference.
        RespCommandWriter writer = new(new byte[scratch]);
        try
        {
            writing(ref writer);
            return Encoding.Latin1.GetString(writer.Complete());
        }
        finally
        {
            writer.Dispose();
        }
    }
}
