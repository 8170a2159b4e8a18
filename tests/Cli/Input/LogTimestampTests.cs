using System.Globalization;
using System.Text;
using Sluice.Cli.Input;

namespace Sluice.Cli.Tests.Input;

public sealed class LogTimestampTests
{
    [Theory]
    [InlineData("17/May/2015:10:05:03 +0000", "2015-05-17T10:05:03Z")]
    [InlineData("17/may/2015:10:05:03 +0000", "2015-05-17T10:05:03Z")]
    [InlineData("31/Dec/2019:23:30:00 -0130", "2020-01-01T01:00:00Z")]
    [InlineData("29/Feb/2024:00:00:00 +0530", "2024-02-28T18:30:00Z")]
    [InlineData("30/Jun/2015:23:59:60 +0000", "2015-07-01T00:00:00Z")]
    public void The_common_form_is_read_to_the_instant(string text, string instant)
    {
        Assert.True(LogTimestamp.TryParseCommon(Encoding.UTF8.GetBytes(text), out long ticks));
        Assert.Equal(Instant(instant), ticks);
    }

    [Theory]
    [InlineData("30/Feb/2024:00:00:00 +0000")]
    [InlineData("29/Feb/2023:00:00:00 +0000")]
    [InlineData("00/Jan/2023:00:00:00 +0000")]
    [InlineData("01/Foo/2023:00:00:00 +0000")]
    [InlineData("01/Jan/2023:24:00:00 +0000")]
    [InlineData("01/Jan/2023:00:60:00 +0000")]
    [InlineData("01/Jan/2023:00:00:61 +0000")]
    [InlineData("01/Jan/1969:00:00:00 +0000")]
    [InlineData("01/Jan/9999:00:00:00 +0000")]
    [InlineData("01/Jan/2023:00:00:00 +2400")]
    [InlineData("01/Jan/2023:00:00:00 0000 ")]
    [InlineData("01/Jan/2023:00:00:0a +0000")]
    [InlineData("01-Jan-2023:00:00:00 +0000")]
    [InlineData("1/Jan/2023:00:00:00 +00000")]
    public void An_impossible_time_is_refused(string text) =>
        Assert.False(LogTimestamp.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Theory]
    [InlineData("2015-05-17T10:05:03Z", "2015-05-17T10:05:03Z")]
    [InlineData("2015-05-17T10:05:03", "2015-05-17T10:05:03Z")]
    [InlineData("2015-05-17 10:05:03", "2015-05-17T10:05:03Z")]
    [InlineData("2015-05-17T10:05:03+02:00", "2015-05-17T08:05:03Z")]
    [InlineData("2015-05-17T10:05:03-0230", "2015-05-17T12:35:03Z")]
    [InlineData("2015-05-17T10:05:03+02", "2015-05-17T08:05:03Z")]
    [InlineData("2015-05-17T10:05:03.5Z", "2015-05-17T10:05:03.5Z")]
    [InlineData("2015-05-17T10:05:03,123456789+00:00", "2015-05-17T10:05:03.1234567Z")]
    [InlineData("1431857103", "2015-05-17T10:05:03Z")]
    [InlineData("1431857103.25", "2015-05-17T10:05:03.25Z")]
    [InlineData("1431857103250", "2015-05-17T10:05:03.25Z")]
    [InlineData("1431857103250000", "2015-05-17T10:05:03.25Z")]
    [InlineData("1431857103250000000", "2015-05-17T10:05:03.25Z")]
    [InlineData("0", "1970-01-01T00:00:00Z")]
    public void Iso_8601_and_unix_times_are_read_to_the_instant(string text, string instant)
    {
        Assert.True(LogTimestamp.TryParse(Encoding.UTF8.GetBytes(text), out long ticks));
        Assert.Equal(Instant(instant), ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("2015-05-17")]
    [InlineData("2015-05-17T10:05")]
    [InlineData("2015-13-17T10:05:03Z")]
    [InlineData("2015-05-17T10:05:03.Z")]
    [InlineData("2015-05-17T10:05:03Zulu")]
    [InlineData("2015-05-17T10:05:03+2:00")]
    [InlineData("2015-05-17T10:05:03+02:0")]
    [InlineData("-1")]
    [InlineData("1e30")]
    [InlineData("99999999999999999999999999999")]
    [InlineData("NaN")]
    public void Other_texts_are_refused(string text) =>
        Assert.False(LogTimestamp.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Every_second_of_two_years_reads_back()
    {
        DateTime time = new(2023, 12, 31, 0, 0, 0, DateTimeKind.Utc);
        for (int i = 0; i < 20_000; i++, time = time.AddSeconds(3161))
        {
            string text = time.ToString("dd'/'MMM'/'yyyy':'HH':'mm':'ss' +0000'", CultureInfo.InvariantCulture);
            Assert.True(LogTimestamp.TryParseCommon(Encoding.UTF8.GetBytes(text), out long ticks));
            Assert.Equal(time.Ticks, ticks);
        }
    }

    [Fact]
    public void No_bytes_make_it_throw()
    {
        Random random = new(42);
        byte[] alphabet = "0123456789-/:.TZ+, eE"u8.ToArray();
        for (int i = 0; i < 200_000; i++)
        {
            byte[] text = new byte[random.Next(34)];
            for (int j = 0; j < text.Length; j++)
                text[j] = alphabet[random.Next(alphabet.Length)];
            if (LogTimestamp.TryParse(text, out long ticks))
                Assert.InRange(ticks, DateTime.UnixEpoch.Ticks - TimeSpan.TicksPerDay, new DateTime(9999, 1, 2).Ticks);
        }
    }

    private static long Instant(string text) =>
        DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).UtcTicks;
}
