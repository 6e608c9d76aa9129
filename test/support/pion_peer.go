// A WebRTC client by pion: publishes a file of H.264 (Annex B, 25 pictures a second) with silence of Opus, or plays and
// counts the pictures that came whole and the packets of sound. Writes lines of JSON as aiortc_peer.py does; ends by
// SIGTERM, with DELETE.
//
//	pion_peer publish URL FILE | pion_peer play URL
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc"
	"github.com/pion/webrtc/pkg/media"
	"github.com/pion/webrtc/pkg/media/h264reader"
	"github.com/pion/webrtc/pkg/media/samplebuilder"
)

const (
	pictureTime = 40 * time.Millisecond
	soundTime   = 20 * time.Millisecond
	lateMax     = 256 // packets that a picture is waited for
)

var (
	silence    = []byte{0xf8, 0xff, 0xfe}
	pictures   int64
	sounds     int64
	httpClient = http.Client{Timeout: 8 * time.Second}
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// The pictures of a file, each with what stands in front of it.
func readPictures(path string) (list [][]byte) {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	reader, err := h264reader.NewReader(file)
	must(err)
	var picture []byte
	hasSlice := false
	for {
		nal, err := reader.NextNAL()
		if err == io.EOF {
			return append(list, picture)
		}
		must(err)
		isSlice := nal.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr || nal.UnitType == h264reader.NalUnitTypeCodedSliceIdr
		if hasSlice && (!isSlice || nal.Data[1]&0x80 != 0) { // the first macroblock: another picture
			list = append(list, picture)
			picture, hasSlice = nil, false
		}
		picture = append(append(picture, 0, 0, 0, 1), nal.Data...)
		hasSlice = hasSlice || isSlice
	}
}

func sendEach(track *webrtc.TrackLocalStaticSample, length time.Duration, count *int64, next func(i int64) []byte) {
	ticker := time.NewTicker(length)
	for range ticker.C {
		must(track.WriteSample(media.Sample{Data: next(*count), Duration: length}))
		atomic.AddInt64(count, 1)
	}
}

func addTrack(peer *webrtc.PeerConnection, mime, id string) *webrtc.TrackLocalStaticSample {
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, id, "pion")
	must(err)
	sender, err := peer.AddTrack(track)
	must(err)
	go func() { // what comes back is seen by those who repeat packets, too
		for {
			if _, _, err := sender.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	return track
}

// What is returned begins to send.
func publish(peer *webrtc.PeerConnection, path string) func() {
	list := readPictures(path)
	picture := addTrack(peer, webrtc.MimeTypeH264, "picture")
	sound := addTrack(peer, webrtc.MimeTypeOpus, "sound")
	return func() {
		go sendEach(picture, pictureTime, &pictures, func(i int64) []byte { return list[i%int64(len(list))] })
		go sendEach(sound, soundTime, &sounds, func(int64) []byte { return silence })
	}
}

func take(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
	builder := samplebuilder.New(lateMax, &codecs.H264Packet{}, track.Codec().ClockRate)
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if track.Kind() == webrtc.RTPCodecTypeAudio {
			atomic.AddInt64(&sounds, 1)
			continue
		}
		for builder.Push(packet); builder.Pop() != nil; {
			atomic.AddInt64(&pictures, 1)
		}
	}
}

func play(peer *webrtc.PeerConnection) {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := peer.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
		must(err)
	}
	peer.OnTrack(take)
}

// Offers, and returns the URL of the session.
func ask(peer *webrtc.PeerConnection, where string) string {
	offer, err := peer.CreateOffer(nil)
	must(err)
	gathered := webrtc.GatheringCompletePromise(peer)
	must(peer.SetLocalDescription(offer))
	<-gathered
	answer, err := httpClient.Post(where, "application/sdp", bytes.NewBufferString(peer.LocalDescription().SDP))
	must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode != http.StatusCreated {
		log.Fatalf("%s: %s", answer.Status, text)
	}
	must(peer.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(text)}))
	base, err := url.Parse(where)
	must(err)
	session, err := base.Parse(answer.Header.Get("Location"))
	must(err)
	return session.String()
}

func leave(peer *webrtc.PeerConnection, session string) {
	request, err := http.NewRequest(http.MethodDelete, session, nil)
	must(err)
	if answer, err := httpClient.Do(request); err == nil {
		answer.Body.Close()
	}
	_ = peer.Close()
}

// What a peer has without further ado, and ways to this host.
func newPeer() *webrtc.PeerConnection {
	engine, chain, settings := webrtc.MediaEngine{}, interceptor.Registry{}, webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	must(engine.RegisterDefaultCodecs())
	must(webrtc.RegisterDefaultInterceptors(&engine, &chain))
	api := webrtc.NewAPI(webrtc.WithMediaEngine(&engine), webrtc.WithInterceptorRegistry(&chain), webrtc.WithSettingEngine(settings))
	peer, err := api.NewPeerConnection(webrtc.Configuration{})
	must(err)
	return peer
}

func main() {
	kind, where := os.Args[1], os.Args[2]
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
	peer := newPeer()
	begin := func() {}
	if kind == "publish" {
		begin = publish(peer, os.Args[3])
	} else {
		play(peer)
	}
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			begin()
		}
	})
	session := ask(peer, where)
	for ticker := time.NewTicker(500 * time.Millisecond); ; {
		select {
		case <-ticker.C:
			fmt.Printf("{\"peers\": [{\"kind\": %q, \"state\": %q, \"video\": %d, \"audio\": %d}]}\n", kind,
				peer.ConnectionState(), atomic.LoadInt64(&pictures), atomic.LoadInt64(&sounds))
		case <-ends:
			leave(peer, session)
			return
		}
	}
}
