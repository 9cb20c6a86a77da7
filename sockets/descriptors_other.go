//go:build !unix

package sockets

func (s *Server) scarce() bool { return false }

func outOfDescriptors(error) bool { return false }
